// SPDX-License-Identifier: MIT OR Apache-2.0

//! SIGIO and the file's flags.

use nix::libc::{self, c_int};

use crate::worker::Worker;

/// From the kernel's asm-generic/fcntl.h; libc has them for some targets only.
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;

#[repr(C)]
struct OwnerEx {
    kind: c_int,
    pid: libc::pid_t,
}

/// Ignores the signals that files may send, and handles one that only interrupts system calls.
pub(crate) fn prepare() {
    extern "C" fn nothing(_: c_int) {}
    // SAFETY: All zeros is an action without flags, and the handler does nothing.
    unsafe {
        for number in (libc::SIGRTMIN()..=libc::SIGRTMAX()).chain([
            libc::SIGIO,
            libc::SIGURG,
            libc::SIGPIPE,
            libc::SIGHUP,
        ]) {
            libc::signal(number, libc::SIG_IGN);
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(c_int) as usize;
        libc::sigaction(INTERRUPT, &raw const action, std::ptr::null_mut());
    }
}

/// Sent to a thread that may be asleep in a read.
pub(crate) const INTERRUPT: c_int = libc::SIGUSR1;

pub(crate) fn owner(worker: &mut Worker) -> bool {
    let file = worker.file();
    // SAFETY: The only pointer is that of a structure that outlives the call.
    unsafe {
        let (process, group) = (libc::getpid(), libc::getpgrp());
        let thread = libc::syscall(libc::SYS_gettid) as libc::pid_t;
        let any = worker.rng.word() as c_int;
        match worker.rng.below(8) {
            0 => libc::fcntl(file, libc::F_SETOWN, 0) == 0,
            1 | 2 => libc::fcntl(file, libc::F_SETOWN, process) == 0,
            3 | 4 => libc::fcntl(file, libc::F_SETOWN, -group) == 0,
            5 => libc::fcntl(file, libc::F_SETOWN, any) == 0,
            _ => {
                let owner = OwnerEx {
                    kind: worker.rng.below(4) as c_int,
                    pid: worker.rng.pick(&[process, group, thread]),
                };
                libc::fcntl(file, F_SETOWN_EX, &raw const owner) == 0
            }
        }
    }
}

pub(crate) fn signal(worker: &mut Worker) -> bool {
    let file = worker.file();
    let signal = match worker.rng.below(4) {
        0 => 0,
        1 => libc::SIGIO,
        2 => 1000,
        _ => libc::SIGRTMIN() + worker.rng.below(20) as c_int,
    };
    // SAFETY: It takes no pointer.
    unsafe { libc::fcntl(file, F_SETSIG, signal) == 0 }
}

pub(crate) fn flags(worker: &mut Worker) -> bool {
    let file = worker.file();
    let flags = worker.rng.pick(&[
        libc::O_NONBLOCK,
        libc::O_NONBLOCK,
        libc::O_NONBLOCK | libc::O_ASYNC,
        libc::O_ASYNC,
        libc::O_NONBLOCK | libc::O_APPEND,
        0,
    ]);
    // SAFETY: It takes no pointer.
    unsafe { libc::fcntl(file, libc::F_SETFL, flags) == 0 }
}
