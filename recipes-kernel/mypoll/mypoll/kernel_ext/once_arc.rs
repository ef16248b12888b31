// SPDX-License-Identifier: GPL-2.0-only

//! A place for an object that is put there once.
//!
//! The kernel crate has `SetOnce` only after 6.18.

use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc, //
    }, //
};

/// An [`Arc`] that is there from some moment on.
///
/// # Invariants
///
/// `object` is 0, or what `Arc::into_raw` gave, which it keeps until it is dropped.
pub(crate) struct OnceArc<T: 'static> {
    object: Atomic<usize>,
    _t: PhantomData<Arc<T>>,
}

impl<T: 'static> OnceArc<T> {
    /// A place without an object.
    pub(crate) fn new() -> Self {
        // INVARIANT: There is no object.
        Self {
            object: Atomic::new(0),
            _t: PhantomData,
        }
    }

    /// The object, if it is there.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer come
        // after the load that gave it.
        let object = unsafe { self.object.as_ptr().read_volatile() } as *const T;
        // SAFETY: By the type invariant this is null, or points to an object that is kept for as
        // long as `self` is borrowed.
        unsafe { object.as_ref() }
    }

    /// Puts `object` there; `EBUSY` if there is one.
    pub(crate) fn set(&self, object: Arc<T>) -> Result {
        let object = Arc::into_raw(object);
        // INVARIANT: On success this place keeps the object.
        self.object
            .cmpxchg(0, object as usize, Full)
            .map_err(|_| EBUSY)
            .map(|_| ())
            .inspect_err(|_| {
                // SAFETY: `into_raw` gave it just now, and it was not kept.
                drop(unsafe { Arc::from_raw(object) })
            })
    }
}

impl<T: 'static> Drop for OnceArc<T> {
    fn drop(&mut self) {
        let object = *self.object.get_mut();
        if object != 0 {
            // SAFETY: By the type invariant `into_raw` gave it, and it is borrowed no more.
            drop(unsafe { Arc::from_raw(object as *const T) })
        }
    }
}
