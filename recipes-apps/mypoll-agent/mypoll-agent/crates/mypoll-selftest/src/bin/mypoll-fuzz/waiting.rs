// SPDX-License-Identifier: MIT OR Apache-2.0

//! poll and epoll.

use nix::libc::{self, c_int, c_short};

use crate::worker::Worker;

pub(crate) fn poll(worker: &mut Worker) -> bool {
    let count = 1 + worker.rng.below(5);
    let mut files: Vec<libc::pollfd> = (0..count)
        .map(|_| libc::pollfd {
            fd: worker.file(),
            events: worker.rng.number() as c_short,
            revents: 0,
        })
        .collect();
    let timeout = worker.rng.pick(&[0, 0, 0, 1, 5]);
    // SAFETY: The array has that many structures.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as _, timeout) >= 0 }
}

pub(crate) fn change(worker: &mut Worker) -> bool {
    let file = worker.file();
    let rng = &mut worker.rng;
    let operation = rng.pick(&[
        libc::EPOLL_CTL_ADD,
        libc::EPOLL_CTL_ADD,
        libc::EPOLL_CTL_MOD,
        libc::EPOLL_CTL_DEL,
    ]);
    let more = rng.pick(&[
        0,
        libc::EPOLLET,
        libc::EPOLLONESHOT,
        libc::EPOLLEXCLUSIVE,
        libc::EPOLLEXCLUSIVE | libc::EPOLLET,
        libc::EPOLLWAKEUP,
    ]);
    let mut event = libc::epoll_event {
        events: rng.pick(&[
            libc::EPOLLIN,
            libc::EPOLLOUT,
            libc::EPOLLPRI,
            libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLPRI,
        ]) as u32
            | more as u32,
        u64: file as u64,
    };
    // SAFETY: The structure outlives the call.
    unsafe { libc::epoll_ctl(worker.pool.epoll, operation, file, &raw mut event) == 0 }
}

pub(crate) fn wait(worker: &mut Worker) -> bool {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 8];
    let count = events.len() as c_int;
    let timeout = worker.rng.pick(&[0, 0, 1, 3]);
    // SAFETY: The array has that many structures.
    unsafe { libc::epoll_wait(worker.pool.epoll, events.as_mut_ptr(), count, timeout) > 0 }
}

/// Yields, or sleeps for a moment.
pub(crate) fn give_way(worker: &mut Worker) -> bool {
    // SAFETY: These calls take no pointer.
    unsafe {
        if worker.rng.one_in(4) {
            libc::usleep(worker.rng.below(500) as u32) == 0
        } else {
            libc::sched_yield() == 0
        }
    }
}
