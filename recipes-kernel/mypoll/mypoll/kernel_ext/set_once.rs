// SPDX-License-Identifier: GPL-2.0-only

//! A place for an object that is put there once.
//!
//! The kernel crate has `sync::SetOnce` only after 6.18, and for objects that it holds itself.

use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full, //
    }, //
};

/// A pinned box that is there from some moment on.
///
/// # Invariants
///
/// `object` is 0, or what `into_raw` gave for the box that this owns.
pub(crate) struct SetOnce<T: Send + Sync + 'static> {
    object: Atomic<usize>,
    _object: PhantomData<Pin<KBox<T>>>,
}

impl<T: Send + Sync + 'static> SetOnce<T> {
    /// An empty place.
    pub(crate) fn new() -> Self {
        // INVARIANT: There is no object.
        Self {
            object: Atomic::new(0),
            _object: PhantomData,
        }
    }

    /// Returns the object, if it is there.
    #[inline]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer come
        // after the load that gave it.
        let object = unsafe { self.object.as_ptr().read_volatile() } as *const T;
        // SAFETY: By the type invariant this is null, or points to an object that is kept for as
        // long as `self` is borrowed.
        unsafe { object.as_ref() }
    }

    /// Puts `object` there, and drops it if there is one. Returns whether it was put there.
    pub(crate) fn populate(&self, object: Pin<KBox<T>>) -> bool {
        // SAFETY: The object stays in its box, and so where it is, until it is dropped.
        let object = KBox::into_raw(unsafe { Pin::into_inner_unchecked(object) });
        // INVARIANT: On success this owns the box.
        let populated = self.object.cmpxchg(0, object as usize, Full).is_ok();
        if !populated {
            // SAFETY: `into_raw` gave it just now, and it was not kept.
            drop(unsafe { KBox::from_raw(object) });
        }
        populated
    }
}

impl<T: Send + Sync + 'static> Drop for SetOnce<T> {
    fn drop(&mut self) {
        let object = *self.object.get_mut() as *mut T;
        if !object.is_null() {
            // SAFETY: By the type invariant `into_raw` gave it, and it is borrowed no more.
            drop(unsafe { KBox::from_raw(object) });
        }
    }
}
