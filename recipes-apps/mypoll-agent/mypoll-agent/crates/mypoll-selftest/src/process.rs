// SPDX-License-Identifier: MIT OR Apache-2.0

//! Forked processes and their output.

use std::fs::File;
use std::io::{Read, Write};
use std::process::exit;

use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2};

/// A forked process with output through a pipe.
pub(crate) struct Forked {
    /// Its process ID.
    pub(crate) pid: Pid,
    output: File,
}

impl Forked {
    /// Runs `body` in a forked process, which ends with it. [`Forked::output`] returns what `body` writes.
    pub(crate) fn spawn(body: impl FnOnce(&File)) -> Result<Self> {
        let (output, input) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: no other thread could hold a lock at this moment: the runner has none, and a test forks before it
        // starts one. (cargo's test harness has threads; there the child takes no lock but malloc's, which fork leaves
        // usable.)
        match unsafe { fork()? } {
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                output: File::from(output),
            }),
            ForkResult::Child => {
                drop(output);
                body(&File::from(input));
                exit(0)
            }
        }
    }

    /// Waits for a line that the process writes, or for its end.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let mut byte = [0];
        while !line.ends_with('\n') && self.output.read(&mut byte)? > 0 {
            line.push(byte[0].into());
        }
        Ok(line)
    }

    /// Waits until the process has exited and its shared files are closed; returns its output.
    pub(crate) fn end(self) -> Result<String> {
        let pid = self.pid;
        let said = self.output()?;
        waitpid(pid, None).context("waiting for a process")?;
        Ok(said)
    }

    /// Waits until the process has closed the pipe, by exiting; returns its output.
    pub(crate) fn output(mut self) -> Result<String> {
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        Ok(said)
    }
}

/// Writes `text` as the last output of a process. Ignores a closed pipe: nobody reads it.
pub(crate) fn say(mut pipe: &File, text: &str) {
    drop(pipe.write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;

    #[test]
    fn an_ended_process_is_gone() -> Result<()> {
        let child = Forked::spawn(|pipe| say(pipe, "fine"))?;
        let pid = child.pid;
        assert_eq!(child.end()?, "fine");
        assert_eq!(waitpid(pid, None), Err(Errno::ECHILD));
        Ok(())
    }
}
