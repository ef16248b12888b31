// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands that are running now: a signal that ends this program ends them too, with all that they started.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::signals::before_death;

/// The leader of a process group of its own, and what ends it.
type Child = (Pid, Signal);

/// None before the first command.
static RUNNING: Mutex<Option<Vec<Child>>> = Mutex::new(None);

/// Runs a command to its end, or sends it `end` when this program has to go first.
pub(crate) fn run(command: &mut Command, end: Signal) -> io::Result<Output> {
    let mut running = lock();
    if running.is_none() {
        before_death(end_all)?;
    }
    // The list is locked until the command is in it, so that a signal finds all that were started.
    let child = command.process_group(0).spawn()?;
    let pid = Pid::from_child(&child);
    running.get_or_insert_default().push((pid, end));
    drop(running);

    let output = child.wait_with_output();
    lock()
        .get_or_insert_default()
        .retain(|&(other, _)| other != pid);
    output
}

fn end_all() {
    let running = lock();
    for &(pid, end) in running.iter().flatten() {
        // It may just have ended.
        let _ = kill_process_group(pid, end);
    }
    // The list stays locked, so that nothing more is started.
    std::mem::forget(running);
}

fn lock() -> MutexGuard<'static, Option<Vec<Child>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
