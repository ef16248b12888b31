// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs commands, each for a limited time. A signal that ends this program ends them too, with all that they started.

use std::cell::RefCell;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use thiserror::Error;

use super::in_words;
use crate::store::signals::before_death;

/// For a command that runs outside of [`within`].
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// How long a command may take to clean up after its end was asked for.
const GRACE: Duration = Duration::from_secs(20);

/// When commands of this thread have to have ended, and what says so.
#[derive(Clone)]
struct Deadline {
    at: Instant,
    says: String,
}

thread_local! {
    static DEADLINE: RefCell<Option<Deadline>> = const { RefCell::new(None) };
}

/// Does `work`, whose commands are stopped once it takes longer than `limit`. An earlier limit around it stays in force.
pub(crate) fn within<T>(what: &str, limit: Duration, work: impl FnOnce() -> T) -> T {
    let outer = DEADLINE.with_borrow(Clone::clone);
    let own = Deadline {
        at: Instant::now() + limit,
        says: format!("{what} has a limit of {}", in_words(limit)),
    };
    let earliest = match &outer {
        Some(outer) if outer.at < own.at => outer.clone(),
        _ => own,
    };
    DEADLINE.set(Some(earliest));
    let result = work();
    DEADLINE.set(outer);
    result
}

/// A command that is running.
struct Running {
    /// The leader of a process group of its own.
    pid: Pid,
    end: Signal,
    line: String,
    started: Instant,
}

/// None before the first command.
static RUNNING: Mutex<Option<Vec<Running>>> = Mutex::new(None);

/// A command's time was up: the message has the command line.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct TimedOut(String);

/// Runs a command to its end, or sends it `end` when its time is up or when this program has to go first.
///
/// # Errors
/// [`TimedOut`] when its time was up.
pub(crate) fn run(command: &mut Command, end: Signal) -> Result<ExitStatus> {
    let deadline = DEADLINE
        .with_borrow(Clone::clone)
        .unwrap_or_else(|| Deadline {
            at: Instant::now() + LIMIT,
            says: format!("a command has a limit of {}", in_words(LIMIT)),
        });
    let line = format!("{command:?}");
    let started = Instant::now();
    let mut running = lock();
    if running.is_none() {
        before_death(end_all)?;
    }
    // The list is locked until the command is in it, so that a signal finds all that were started.
    let child = command.process_group(0).spawn();
    let program = command.get_program().to_string_lossy();
    let mut child = child.with_context(|| format!("can't start {program}"))?;
    let pid = Pid::from_child(&child);
    running.get_or_insert_default().push(Running {
        pid,
        end,
        line: line.clone(),
        started,
    });
    drop(running);

    let ended = wait(&mut child, pid, end, deadline.at);
    lock()
        .get_or_insert_default()
        .retain(|other| other.pid != pid);
    ended?.ok_or_else(|| {
        let took = in_words(started.elapsed());
        TimedOut(format!(
            "stopped after {took}, as {}: {line}",
            deadline.says
        ))
        .into()
    })
}

/// What a command that has to succeed prints, where it is looked at and not logged.
pub fn output(command: &mut Command) -> Result<String> {
    // Files, as a process that the command leaves behind would hold a pipe open.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let status = run(command, Signal::TERM)?;
    let program = command.get_program().to_string_lossy();
    ensure!(
        status.success(),
        "{program} failed: {}",
        text(&mut stderr)?.trim()
    );
    Ok(text(&mut stdout)?)
}

/// All that was written to a file, from its beginning.
pub(crate) fn text(file: &mut std::fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// None when it had to be stopped.
fn wait(
    child: &mut Child,
    pid: Pid,
    end: Signal,
    deadline: Instant,
) -> io::Result<Option<ExitStatus>> {
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let ends_before = |deadline: Instant| -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
                Err(Errno::INTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    };
    if ends_before(deadline)? {
        return child.wait().map(Some);
    }
    // Its programs may be gone before it is.
    let _ = kill_process_group(pid, end);
    if !ends_before(Instant::now() + GRACE)? {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    child.wait().map(|_| None)
}

fn end_all() {
    let running = lock();
    for Running {
        pid,
        end,
        line,
        started,
    } in running.iter().flatten()
    {
        eprintln!("stopped after {}: {line}", in_words(started.elapsed()));
        // It may just have ended.
        let _ = kill_process_group(*pid, *end);
    }
    // The list stays locked, so that nothing more is started.
    std::mem::forget(running);
}

fn lock() -> MutexGuard<'static, Option<Vec<Running>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_stopped_and_named() {
        let started = Instant::now();
        let error = within("the phase 'x'", Duration::from_millis(50), || {
            within("a step", Duration::from_secs(60), || {
                run(Command::new("sleep").arg("1000"), Signal::TERM)
            })
        })
        .unwrap_err();
        assert!(error.is::<TimedOut>());
        assert_eq!(
            error.to_string(),
            "stopped after under 1 s, as the phase 'x' has a limit of under 1 s: \"sleep\" \"1000\""
        );
        assert!(started.elapsed() < GRACE);
    }

    #[test]
    fn what_a_command_leaves_behind_holds_nobody_up() {
        let prints = |script: &str| {
            within("the test", GRACE, || {
                output(Command::new("setsid").args(["--wait", "sh", "-c", script]))
            })
        };
        let script = "echo out; echo err >&2; sleep 1000 &";
        assert_eq!(prints(script).unwrap(), "out\n");
        let error = prints(&format!("{script} exit 3")).unwrap_err();
        assert_eq!(error.to_string(), "setsid failed: err");
    }
}
