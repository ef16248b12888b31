// SPDX-License-Identifier: MIT OR Apache-2.0

//! Forked processes, which share all files and run their own operations.

use std::sync::atomic::Ordering;

use nix::libc;

use crate::worker::Worker;

/// Maximum number at a time, over all processes.
const MOST: i32 = 8;
/// Maximum number of operations of one.
const STEPS: u64 = 30;
/// Time limit of one, in seconds.
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
            // Ends the child even if an operation hangs or a mapping is missing; the parent notices.
            // SAFETY: These calls take no pointer.
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
            // SAFETY: It runs no code of this process.
            unsafe { libc::_exit(0) }
        }
        child => {
            // The child and the other threads keep running while this thread waits.
            let mut status = 0;
            // SAFETY: The status outlives the call.
            while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1
                && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
            {
            }
            children.fetch_sub(1, Ordering::Relaxed);
            true
        }
    }
}
