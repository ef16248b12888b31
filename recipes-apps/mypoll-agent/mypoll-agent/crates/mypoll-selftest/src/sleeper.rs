// SPDX-License-Identifier: MIT OR Apache-2.0

//! Threads and processes that sleep in a system call, and checking that they do.

use std::os::unix::thread::JoinHandleExt;
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn, yield_now};

use anyhow::{Context, Result, anyhow};
use nix::libc;
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, gettid};
use procfs::process::{Process, Syscall};

/// A thread that should sleep in its only system call.
pub(crate) struct Sleeper<T> {
    tid: Pid,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Sleeper<T> {
    /// Starts a thread in which only the system call under test may sleep.
    pub(crate) fn spawn(body: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        let (sender, receiver) = channel();
        let thread = spawn(move || {
            let _ = sender.send(gettid());
            body()
        });
        let tid = receiver.recv().context("the thread did not start")?;
        Ok(Self { tid, thread })
    }

    /// Returns once the thread is asleep.
    pub(crate) fn wait_asleep(&self) -> Result<()> {
        while !is_asleep(Pid::this(), self.tid)? {
            if self.thread.is_finished() {
                return Err(anyhow!("returned, expected to sleep"));
            }
            yield_now();
        }
        Ok(())
    }

    /// How often the thread, which must be asleep, went to sleep so far.
    pub(crate) fn sleeps(&self) -> Result<u64> {
        let task = format!("/proc/{}/task/{}", Pid::this(), self.tid);
        let status = Process::new_with_root(task.into())?.status()?;
        status
            .voluntary_ctxt_switches
            .context("no voluntary_ctxt_switches of a thread")
    }

    /// Sends the thread a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        pthread_kill(self.thread.as_pthread_t(), signal).context("pthread_kill")
    }

    /// Waits for the result of the thread.
    pub(crate) fn join(self) -> Result<T> {
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread panicked"))
    }
}

/// Returns once the first thread of the process `pid` is asleep.
pub(crate) fn wait_process_asleep(pid: Pid) -> Result<()> {
    while !is_asleep(pid, pid)? {
        yield_now();
    }
    Ok(())
}

/// Whether a thread sleeps interruptibly in a system call. A futex does not count: the thread then waits for another
/// thread of its process, as during its start.
#[allow(
    clippy::unnecessary_cast,
    reason = "system call numbers are i32 on boards of 32 bits"
)]
fn is_asleep(pid: Pid, tid: Pid) -> Result<bool> {
    let task = format!("/proc/{pid}/task/{tid}");
    let Ok(task) = Process::new_with_root(task.into()) else {
        return Ok(false); // It has ended; the caller notices.
    };
    let (Ok(stat), Ok(syscall)) = (task.stat(), task.syscall()) else {
        return Ok(false);
    };
    Ok(stat.state == 'S'
        && matches!(syscall, Syscall::Blocked { syscall_number, .. }
            if syscall_number >= 0 && syscall_number != libc::SYS_futex as i64))
}
