// SPDX-License-Identifier: GPL-2.0-only

//! An object that is read without a lock, and replaced now and then.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::marker::PhantomData;
use kernel::{
    bindings,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        rcu,
        Arc, //
    }, //
};

/// An [`Arc`] for readers that don't wait.
///
/// # Invariants
///
/// `object` is what `Arc::into_raw` gave. It is dropped a grace period after it was replaced, at the
/// earliest.
pub(crate) struct RcuArc<T> {
    object: Atomic<usize>,
    _t: PhantomData<Arc<T>>,
}

impl<T> RcuArc<T> {
    /// Starts with `object`.
    pub(crate) fn new(object: Arc<T>) -> Self {
        // INVARIANT: It was just given.
        Self {
            object: Atomic::new(Arc::into_raw(object) as usize),
            _t: PhantomData,
        }
    }

    /// Looks at the object, which may be replaced meanwhile. `look` must not sleep.
    #[inline]
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let _guard = rcu::read_lock();
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer come
        // after the load that gave it.
        let object = unsafe { self.object.as_ptr().read_volatile() } as *const T;
        // SAFETY: By the type invariant it is not dropped before the read-side section ends.
        look(unsafe { &*object })
    }

    /// Puts `object` in the place of the one that was there. Returns once nobody looks at that any
    /// more; may sleep.
    pub(crate) fn replace(&self, object: Arc<T>) {
        // INVARIANT: It was just given; the old one is dropped below.
        let old = self.object.xchg(Arc::into_raw(object) as usize, Full);
        // SAFETY: This may sleep.
        unsafe { bindings::synchronize_rcu() };
        // SAFETY: By the type invariant `into_raw` gave it, and it was taken out just now.
        drop(unsafe { Arc::from_raw(old as *const T) });
    }
}

impl<T> Drop for RcuArc<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant `into_raw` gave it, and nobody looks at it any more.
        drop(unsafe { Arc::from_raw(*self.object.get_mut() as *const T) });
    }
}
