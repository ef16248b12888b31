// SPDX-License-Identifier: GPL-2.0-only

//! Who waits for a file to become ready: readers, one of which is woken for an event, and pollers,
//! all of which are.

use kernel::{
    fs::File,
    new_condvar, new_poll_condvar,
    prelude::*,
    sync::{
        lock::{
            Backend,
            Guard, //
        },
        poll::{
            PollCondVar,
            PollTable, //
        },
        CondVar, //
    },
};

/// The readers and the pollers of a queue.
///
/// Two lists, as a wake-up of one waiter may go to an epoll set with `EPOLLEXCLUSIVE`, whatever
/// that wants to hear of.
#[pin_data]
pub(crate) struct Waiters {
    #[pin]
    readers: CondVar,
    #[pin]
    pollers: PollCondVar,
}

impl Waiters {
    /// Nobody yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            readers <- new_condvar!("mypoll::Waiters::readers"),
            pollers <- new_poll_condvar!("mypoll::Waiters::pollers"),
        })
    }

    /// Has a reader sleep, with the lock released. Returns whether a signal ended that.
    pub(crate) fn sleep<T, B: Backend>(&self, guard: &mut Guard<'_, T, B>) -> bool {
        self.readers.wait_interruptible(guard)
    }

    /// Has a poller wait.
    pub(crate) fn register(&self, file: &File, table: PollTable<'_>) {
        table.register_wait(file, &self.pollers);
    }

    /// Wakes one reader and all pollers.
    #[inline]
    pub(crate) fn wake(&self) {
        self.wake_reader();
        self.wake_pollers();
    }

    /// Wakes one reader.
    #[inline]
    pub(crate) fn wake_reader(&self) {
        self.readers.notify_one();
    }

    /// Wakes all pollers.
    #[inline]
    pub(crate) fn wake_pollers(&self) {
        self.pollers.notify_all();
    }
}
