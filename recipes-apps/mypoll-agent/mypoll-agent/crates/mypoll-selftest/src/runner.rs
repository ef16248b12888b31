// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs each test in a separate process, so that a hang or a crash does not affect the others.

use std::fmt;
use std::os::fd::AsFd;
use std::panic;
use std::process::exit;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};
use procfs::process::Process;
use rustix::process::{PidfdFlags, pidfd_open};

use crate::process::{Forked, say};
use crate::tap::Outcome;

/// Time limit for a killed process to end: only a process in uninterruptible sleep exceeds it.
const GRACE: Duration = Duration::from_secs(5);

/// The error of a test that cannot run on this machine.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Skips a test, with the reason.
macro_rules! skip {
    ($($reason:tt)+) => {
        return Err($crate::runner::Skip(format!($($reason)+)).into())
    };
}
pub(crate) use skip;

/// Makes this process the parent of processes that a test leaves behind, so that [`isolated`] can reap them.
pub(crate) fn adopt_orphans() -> nix::Result<()> {
    set_child_subreaper(true)
}

/// Runs `body` in a separate process, and kills it with its children when it ends or after `limit`.
pub(crate) fn isolated(body: impl FnOnce() -> Result<()>, limit: Duration) -> Result<Outcome> {
    let child = Forked::spawn(|pipe| {
        let verdict = match pipe.try_clone() {
            Ok(pipe) => {
                panic::set_hook(Box::new(move |panic| {
                    say(&pipe, &format!("failed\n{panic}"));
                    exit(0)
                }));
                encode(own_group().context("process group").and_then(|()| body()))
            }
            Err(error) => encode(Err(error.into())),
        };
        say(pipe, &verdict);
    })
    .context("forking the test")?;
    let pid = child.pid;

    let exit = pidfd_open(
        rustix::process::Pid::from_raw(pid.as_raw()).context("a child has a process number")?,
        PidfdFlags::empty(),
    )
    .context("pidfd_open")?;
    let mut wait = [PollFd::new(exit.as_fd(), PollFlags::POLLIN)];
    let ended = poll(&mut wait, PollTimeout::try_from(limit)?).context("waiting for the test")? > 0;
    let hung_in = if ended { String::new() } else { tasks(pid) };

    match reap(pid) {
        None => Ok(Outcome::Failed(format!(
            "{hung_in}still there {} s after SIGKILL",
            GRACE.as_secs()
        ))),
        Some(_) if !ended => Ok(Outcome::Failed(format!(
            "timed out after {} s\n{hung_in}",
            limit.as_secs()
        ))),
        Some(WaitStatus::Exited(_, 0)) => Ok(decode(&child.output()?)),
        Some(status) => Ok(Outcome::Failed(format!("the test ended with {status:?}"))),
    }
}

/// Makes the calling process the leader of a process group that ends with its parent.
fn own_group() -> nix::Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    set_pdeathsig(Signal::SIGKILL)
}

/// Kills the process group `group`; returns the status of its leader, or `None` if a process survives.
fn reap(group: Pid) -> Option<WaitStatus> {
    let deadline = Instant::now() + GRACE;
    let mut head = None;
    loop {
        // It fails if the group is gone, or if its leader ended before it created the group: waitpid tells.
        let _ = killpg(group, Signal::SIGKILL);
        match waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) if Instant::now() > deadline => return None,
            Ok(WaitStatus::StillAlive) => sleep(Duration::from_millis(1)),
            Ok(status) if status.pid() == Some(group) => head = Some(status),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return head,
        }
    }
}

/// The activity of each thread of a process, one per line.
fn tasks(pid: Pid) -> String {
    let tasks = Process::new(pid.as_raw()).and_then(|process| process.tasks());
    tasks
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| {
            let root = format!("/proc/{pid}/task/{}", task.tid);
            let read = |name| std::fs::read_to_string(format!("{root}/{name}")).unwrap_or_default();
            format!(
                "thread {}: wchan {}, syscall {}",
                task.tid,
                read("wchan"),
                read("syscall")
            )
        })
        .collect()
}

fn encode(result: Result<()>) -> String {
    match result {
        Ok(()) => "passed\n".into(),
        Err(error) => match error.downcast_ref::<Skip>() {
            Some(Skip(reason)) => format!("skipped\n{reason}"),
            None => format!("failed\n{error:#}"),
        },
    }
}

fn decode(said: &str) -> Outcome {
    match said.split_once('\n') {
        Some(("passed", _)) => Outcome::Passed,
        Some(("skipped", reason)) => Outcome::Skipped(reason.into()),
        Some(("failed", diagnostic)) => Outcome::Failed(diagnostic.into()),
        _ => Outcome::Failed(format!("the test ended without a verdict: {said:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{anyhow, bail};
    use nix::unistd::pause;

    const LIMIT: Duration = Duration::from_secs(20);

    fn failure(outcome: Outcome) -> Result<String> {
        match outcome {
            Outcome::Failed(diagnostic) => Ok(diagnostic),
            other => bail!("{other:?}"),
        }
    }

    #[test]
    fn verdicts_come_through() -> Result<()> {
        assert_eq!(isolated(|| Ok(()), LIMIT)?, Outcome::Passed);
        assert_eq!(
            isolated(|| skip!("no {}", "gpio-sim"), LIMIT)?,
            Outcome::Skipped("no gpio-sim".into())
        );
        let failed = isolated(|| Err(anyhow!("seen 1").context("depth")), LIMIT)?;
        assert_eq!(failed, Outcome::Failed("depth: seen 1".into()));
        Ok(())
    }

    #[test]
    fn a_panic_an_exit_and_a_crash_are_failures() -> Result<()> {
        let panicked = failure(isolated(|| panic!("out of range"), LIMIT)?)?;
        assert!(panicked.contains("out of range"), "{panicked}");
        let exited = failure(isolated(|| exit(3), LIMIT)?)?;
        assert!(exited.contains("Exited"), "{exited}");
        let silent = failure(isolated(|| exit(0), LIMIT)?)?;
        assert!(silent.contains("without a verdict"), "{silent}");
        let crashed = failure(isolated(|| std::process::abort(), LIMIT)?)?;
        assert!(crashed.contains("SIGABRT"), "{crashed}");
        Ok(())
    }

    #[test]
    fn a_hanging_test_is_killed_with_its_children() -> Result<()> {
        adopt_orphans()?;
        let hung = isolated(
            || {
                let _child = Forked::spawn(|_| pause())?;
                pause();
                Ok(())
            },
            Duration::from_millis(200),
        )?;
        let hung = failure(hung)?;
        assert!(hung.contains("timed out"), "{hung}");
        assert!(hung.contains("thread"), "{hung}");
        Ok(())
    }
}
