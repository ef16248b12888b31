// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs commands, each for a limited time. A signal that ends this program ends them too, with all that they started.

use std::cell::RefCell;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

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

/// Runs a command to its end, or sends it `end` when its time is up or when this program has to go first.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when its time was up: the message has the command line.
pub(crate) fn run(command: &mut Command, end: Signal) -> io::Result<ExitStatus> {
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
    let mut child = command.process_group(0).spawn()?;
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
        let message = format!("stopped after {took}, as {}: {line}", deadline.says);
        io::Error::new(io::ErrorKind::TimedOut, message)
    })
}

/// What a command printed on both its streams, apart.
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command whose output is wanted.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    // Files, as a process that the command leaves behind would hold a pipe open.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::from(stdout.try_clone()?))
        .stderr(Stdio::from(stderr.try_clone()?));
    let status = run(command, Signal::TERM)?;
    Ok(Output {
        status,
        stdout: text(&mut stdout)?,
        stderr: text(&mut stderr)?,
    })
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
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            "stopped after under 1 s, as the phase 'x' has a limit of under 1 s: \"sleep\" \"1000\""
        );
        assert!(started.elapsed() < GRACE);
    }

    #[test]
    fn what_a_command_leaves_behind_holds_nobody_up() {
        let script = "echo out; echo err >&2; sleep 1000 & exit 3";
        let Output {
            status,
            stdout,
            stderr,
        } = within("the test", GRACE, || {
            output(Command::new("setsid").args(["--wait", "sh", "-c", script]))
        })
        .unwrap();
        assert_eq!(
            (status.code(), &*stdout, &*stderr),
            (Some(3), "out\n", "err\n")
        );
    }
}
