// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child process that never outlives this one.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal,
};

/// A running child. It is killed when this value is dropped, and by the kernel when this process ends for any reason.
#[derive(Debug)]
pub struct Process {
    pidfd: OwnedFd,
    keeper: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let parent = getpid();
        // SAFETY: between fork and exec the closure makes two system calls and nothing else: no allocation, no lock.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // The parent may have died before the signal was set.
                if getppid() == Some(parent) {
                    Ok(())
                } else {
                    Err(Errno::SRCH.into())
                }
            });
        }
        // The kernel sends the signal when the thread that started the child ends: this thread waits for the child.
        let (started, child) = mpsc::sync_channel(1);
        let keeper = thread::spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            // Closes the child's ends of the sockets, so that their end of file is visible.
            drop(command);
            let pid = Pid::from_child(&child);
            let _ = started.send(pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from));
            let _ = child.wait();
        });
        let pidfd = child.recv().map_err(io::Error::other)??;
        Ok(Self {
            pidfd,
            keeper: Some(keeper),
        })
    }

    /// Kills the child and waits until it has ended.
    pub fn kill(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            // Fails if it has already ended.
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            let _ = keeper.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::process::Stdio;

    use super::*;

    /// A child that runs until it is killed, and a stream that ends with it.
    fn sleeper() -> (Command, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new("sleep");
        command
            .arg("infinity")
            .stdout(Stdio::from(OwnedFd::from(theirs)));
        (command, ours)
    }

    #[test]
    fn dropping_ends_the_child() {
        let (command, mut alive) = sleeper();
        let child = Process::spawn(command).unwrap();
        drop(child);
        assert_eq!(alive.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_child_outlives_the_thread_that_started_it() {
        let (command, alive) = sleeper();
        let child = thread::spawn(|| Process::spawn(command).unwrap())
            .join()
            .unwrap();
        alive.set_nonblocking(true).unwrap();
        let read = (&alive).read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(child);
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = Process::spawn(Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
