// SPDX-License-Identifier: GPL-2.0-only

//! A slot for an object that is set once.
//!
//! The kernel crate has `sync::SetOnce` only after 6.18, and only for objects stored inline.

use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full, //
    }, //
};

/// A pinned box that can be set later, once.
///
/// # Invariants
///
/// `object` is 0, or the result of `into_raw` for the box that this owns.
pub(crate) struct SetOnce<T: Send + Sync + 'static> {
    object: Atomic<usize>,
    _object: PhantomData<Pin<KBox<T>>>,
}

impl<T: Send + Sync + 'static> SetOnce<T> {
    /// Creates an empty slot.
    pub(crate) fn new() -> Self {
        // INVARIANT: There is no object.
        Self {
            object: Atomic::new(0),
            _object: PhantomData,
        }
    }

    /// Returns the object, if it is set.
    #[inline]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer are
        // ordered after the load of the pointer.
        let object = unsafe { self.object.as_ptr().read_volatile() } as *const T;
        // SAFETY: By the type invariant this is null, or points to an object that lives while `self`
        // is borrowed.
        unsafe { object.as_ref() }
    }

    /// Sets the object; drops `object` if one is set already. Returns whether it was set.
    pub(crate) fn populate(&self, object: Pin<KBox<T>>) -> bool {
        // SAFETY: The object stays in its box, and so does not move, until it is dropped.
        let object = KBox::into_raw(unsafe { Pin::into_inner_unchecked(object) });
        // INVARIANT: On success this owns the box.
        let populated = self.object.cmpxchg(0, object as usize, Full).is_ok();
        if !populated {
            // SAFETY: It is from `into_raw`, and was not stored.
            drop(unsafe { KBox::from_raw(object) });
        }
        populated
    }
}

impl<T: Send + Sync + 'static> Drop for SetOnce<T> {
    fn drop(&mut self) {
        let object = *self.object.get_mut() as *mut T;
        if !object.is_null() {
            // SAFETY: By the type invariant it is from `into_raw`, and it is no longer borrowed.
            drop(unsafe { KBox::from_raw(object) });
        }
    }
}
