// SPDX-License-Identifier: GPL-2.0-only

//! Tasks that wait for a file to become ready: readers, of which one is woken, and pollers, which
//! are all woken.
//!
//! The kernel crate's [`PollCondVar`](kernel::sync::poll::PollCondVar) waits for an RCU grace period
//! whenever it is dropped, which is each time a file is closed.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use core::ptr;
use kernel::{
    bindings,
    ffi,
    fs::File,
    new_condvar,
    prelude::*,
    str::CStr,
    sync::{
        lock::{
            Backend,
            Guard, //
        },
        poll::PollTable,
        CondVar,
        LockClassKey, //
    },
    types::Opaque, //
};

extern "C" {
    fn mypoll_wait_queue_end(queue: *mut bindings::wait_queue_head) -> bool;
}

/// Creates a [`PollQueue`] initialiser with the given name and its own lock class.
macro_rules! new_poll_queue {
    ($name:literal) => {
        $crate::kernel_ext::wait::PollQueue::new(
            ::kernel::c_str!($name),
            ::kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_poll_queue;

/// A `struct wait_queue_head` for `poll_wait()`.
///
/// An owner that is dropped in a context that must not sleep first calls [`end`](Self::end), and is
/// dropped a grace period later.
#[pin_data(PinnedDrop)]
pub(crate) struct PollQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: The C side serialises access to a wait queue.
unsafe impl Send for PollQueue {}
// SAFETY: As above.
unsafe impl Sync for PollQueue {}

impl PollQueue {
    /// Initialises an empty queue.
    pub(crate) fn new(name: &'static CStr, key: Pin<&'static LockClassKey>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: `slot` is valid for writes, and pinned. Name and key are never freed, and
            // `LockClassKey` is transparent over a `lock_class_key`.
            head <- Opaque::ffi_init(|slot| unsafe {
                bindings::__init_waitqueue_head(slot, name.as_char_ptr(), ptr::from_ref(key.get_ref()).cast_mut().cast())
            }),
        })
    }

    /// Makes this queue wake a poller of `file`, too, if it is going to wait.
    #[inline]
    pub(crate) fn register(&self, file: &File, table: &PollTable<'_>) {
        // SAFETY: `PollTable` is transparent over a pointer to the caller's table.
        let table = unsafe {
            ptr::from_ref(table)
                .cast::<*mut bindings::poll_table>()
                .read()
        };
        // SAFETY: The caller's table is null or valid.
        let waits = unsafe { table.as_ref() }.map_or(false, |table| table._qproc.is_some());
        if waits {
            // SAFETY: The table is valid, and the queue outlives its waiters, because of `end` and the
            // grace period.
            unsafe { bindings::poll_wait(file.as_ptr(), self.head.get(), table) }
        }
    }

    /// Wakes all pollers that wait for one of the `POLL*` events in `mask`.
    ///
    /// There must be a full barrier between the change that makes a file ready and this.
    #[inline]
    pub(crate) fn wake(&self, mask: u32) {
        if self.is_active() {
            // SAFETY: The queue is initialised, and this may be called in any context.
            unsafe {
                bindings::__wake_up(
                    self.head.get(),
                    bindings::TASK_NORMAL,
                    0,
                    mask as usize as *mut ffi::c_void,
                );
            }
        }
    }

    /// Whether anybody waits, like `waitqueue_active()`.
    #[inline]
    fn is_active(&self) -> bool {
        // SAFETY: The queue is initialised, and does not move.
        let first = unsafe { &raw mut (*self.head.get()).head };
        // SAFETY: As above; the word is written atomically.
        unsafe { (&raw const (*first).next).read_volatile() != first }
    }

    /// Removes all waiters. References to them end with the next grace period.
    pub(crate) fn end(&self) {
        // SAFETY: The queue is initialised.
        unsafe { mypoll_wait_queue_end(self.head.get()) };
    }
}

#[pinned_drop]
impl PinnedDrop for PollQueue {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The queue is initialised.
        if unsafe { mypoll_wait_queue_end(self.head.get()) } {
            // SAFETY: May sleep: an owner that must not sleep has called `end`, and nobody can have
            // registered since.
            unsafe { bindings::synchronize_rcu() };
        }
    }
}

/// Readers that sleep in `read`.
#[pin_data]
pub(crate) struct Readers {
    #[pin]
    sleepers: CondVar,
}

impl Readers {
    /// Creates an empty queue.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            sleepers <- new_condvar!("mypoll::Readers::sleepers"),
        })
    }

    /// Lets a reader sleep, with the lock released. Returns whether a signal ended the sleep.
    pub(crate) fn sleep<T, B: Backend>(&self, guard: &mut Guard<'_, T, B>) -> bool {
        self.sleepers.wait_interruptible(guard)
    }

    /// Wakes one reader.
    #[inline]
    pub(crate) fn wake_one(&self) {
        self.sleepers.notify_one();
    }
}
