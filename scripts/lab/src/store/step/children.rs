// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs commands with a time limit. A signal that ends this program also ends them and their children.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
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
use crate::store::signals::before_termination;

/// Limit of commands outside of [`within`].
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// Time for a command to clean up after it was asked to stop.
const GRACE: Duration = Duration::from_secs(20);

/// The time by which commands of this thread have to end, and the reason.
#[derive(Clone)]
struct Deadline {
    at: Instant,
    reason: String,
}

thread_local! {
    static DEADLINE: RefCell<Option<Deadline>> = const { RefCell::new(None) };
}

/// Runs `work` and stops its commands once it takes longer than `limit`. An earlier outer deadline stays in force.
pub(crate) fn within<T>(what: &str, limit: Duration, work: impl FnOnce() -> T) -> T {
    let outer = DEADLINE.with_borrow(Clone::clone);
    let own = Deadline {
        at: Instant::now() + limit,
        reason: format!("{what} has a limit of {}", in_words(limit)),
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
    /// Leader of its own process group.
    pid: Pid,
    /// Signal that asks it to stop.
    signal: Signal,
    command: String,
    started: Instant,
}

/// None before the first command.
static RUNNING: Mutex<Option<Vec<Running>>> = Mutex::new(None);

/// A command exceeded its time limit. The message contains the command line.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct TimedOut(String);

/// Runs a command, and stops it with `signal` on a timeout or when a signal ends this program.
///
/// # Errors
/// [`TimedOut`] if it exceeded its time limit.
pub(crate) fn run(command: &mut Command, signal: Signal) -> Result<ExitStatus> {
    let deadline = DEADLINE
        .with_borrow(Clone::clone)
        .unwrap_or_else(|| Deadline {
            at: Instant::now() + LIMIT,
            reason: format!("a command has a limit of {}", in_words(LIMIT)),
        });
    let line = format!("{command:?}");
    let started = Instant::now();
    let mut running = lock();
    if running.is_none() {
        before_termination(stop_all)?;
    }
    // The list stays locked until it contains the command, so that a signal finds every started command.
    let child = command.process_group(0).spawn();
    let program = command.get_program().to_string_lossy();
    let mut child = child.with_context(|| format!("can't start {program}"))?;
    let pid = Pid::from_child(&child);
    running.get_or_insert_default().push(Running {
        pid,
        signal,
        command: line.clone(),
        started,
    });
    drop(running);

    let status = wait(&mut child, pid, signal, deadline.at);
    if status.is_err() {
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = child.wait();
    }
    lock()
        .get_or_insert_default()
        .retain(|other| other.pid != pid);
    status?.ok_or_else(|| {
        TimedOut(format!(
            "stopped after {}, because {}: {line}",
            in_words(started.elapsed()),
            deadline.reason
        ))
        .into()
    })
}

/// Runs a command that has to succeed, without a log, and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    // Files instead of pipes: a leftover background process would keep a pipe open.
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

/// The whole contents of an open file.
pub(crate) fn text(file: &mut std::fs::File) -> io::Result<String> {
    text_from(file, 0)
}

/// The contents of an open file from byte `start`.
pub(crate) fn text_from(file: &mut std::fs::File, start: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns None if the command had to be stopped.
fn wait(
    child: &mut Child,
    pid: Pid,
    signal: Signal,
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
    // Fails if the whole group has already ended.
    let _ = kill_process_group(pid, signal);
    if !ends_before(Instant::now() + GRACE)? {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    child.wait().map(|_| None)
}

fn stop_all() {
    let running = lock();
    for Running {
        pid,
        signal,
        command,
        started,
    } in running.iter().flatten()
    {
        eprintln!("stopped after {}: {command}", in_words(started.elapsed()));
        // Fails if it has just ended.
        let _ = kill_process_group(*pid, *signal);
    }
    // Keeps the list locked, so that no further command starts.
    std::mem::forget(running);
}

fn lock() -> MutexGuard<'static, Option<Vec<Running>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hanging_command_is_stopped_and_named() {
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
            "stopped after under 1 s, because the phase 'x' has a limit of under 1 s: \"sleep\" \"1000\""
        );
        assert!(started.elapsed() < GRACE);
    }

    #[test]
    fn leftover_processes_do_not_block() {
        let output_of = |script: &str| {
            within("the test", GRACE, || {
                output(Command::new("setsid").args(["--wait", "sh", "-c", script]))
            })
        };
        let script = "echo out; echo err >&2; sleep 1000 &";
        assert_eq!(output_of(script).unwrap(), "out\n");
        let error = output_of(&format!("{script} exit 3")).unwrap_err();
        assert_eq!(error.to_string(), "setsid failed: err");
    }
}
