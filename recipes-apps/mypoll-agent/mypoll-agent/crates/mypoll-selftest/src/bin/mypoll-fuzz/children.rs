// SPDX-License-Identifier: MIT OR Apache-2.0

//! Forked processes, which share all files and do some operations of their own.

use std::sync::atomic::Ordering;

use nix::libc;

use crate::worker::Worker;

/// How many there may be at a time, over all processes.
const MOST: i32 = 8;
/// The most operations of one.
const STEPS: u64 = 30;
/// How long one may take, in seconds.
const ALARM: u32 = 5;

pub(crate) fn fork(worker: &mut Worker) -> bool {
    if !worker.may_fork {
        return false;
    }
    let children = &worker.shared.children;
    if children.fetch_add(1, Ordering::Relaxed) >= MOST {
        children.fetch_sub(1, Ordering::Relaxed);
        return false;
    }
    let (seed, steps) = (worker.rng.number(), worker.rng.below(STEPS));
    // SAFETY: The child takes no lock but malloc's, which fork leaves usable.
    match unsafe { libc::fork() } {
        -1 => {
            children.fetch_sub(1, Ordering::Relaxed);
            false
        }
        0 => {
            // Its end is the parent's to notice, also when an operation hangs or a mapping is missing.
            // SAFETY: They take no pointer.
            unsafe {
                libc::signal(libc::SIGALRM, libc::SIG_DFL);
                libc::alarm(ALARM);
            }
            worker.may_fork = false;
            worker.uring = crate::Uring::default();
            worker.rng = crate::rng::Rng::new(seed);
            for _ in 0..steps {
                worker.step();
            }
            // SAFETY: It runs nothing of the process.
            unsafe { libc::_exit(0) }
        }
        child => {
            // The child runs on while this thread waits, and so do the other threads.
            let mut status = 0;
            // SAFETY: The status is there until the call has ended.
            while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1
                && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
            {
            }
            children.fetch_sub(1, Ordering::Relaxed);
            true
        }
    }
}
