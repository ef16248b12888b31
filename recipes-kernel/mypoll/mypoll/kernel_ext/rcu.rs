// SPDX-License-Identifier: GPL-2.0-only

//! Objects that are read under RCU and freed by `call_rcu()`, so that neither side waits.
//!
//! The kernel crate has RCU guards, but no RCU-protected pointer.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::{
    marker::PhantomData,
    mem::ManuallyDrop, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        rcu::Guard, //
    },
    types::Opaque, //
};

/// A hook that runs once readers can no longer find an object, before the grace period starts.
pub(crate) trait Retire {
    /// Called in the context that removes the object.
    fn retire(&self) {}
}

impl<T: ?Sized + Retire> Retire for kernel::sync::Arc<T> {
    fn retire(&self) {
        T::retire(self);
    }
}

/// A heap object for an [`RcuSlot`].
///
/// Dropping it drops the object immediately, because no reader can know it.
pub(crate) struct RcuNode<T>(KBox<Node<T>>);

struct Node<T> {
    rcu: Opaque<bindings::callback_head>,
    object: T,
}

// SAFETY: Only RCU accesses `rcu`, and the object may be sent.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: Only RCU accesses `rcu`, and the object may be shared.
unsafe impl<T: Sync> Sync for Node<T> {}

impl<T> RcuNode<T> {
    /// Allocates a node with `object`.
    pub(crate) fn new(object: T) -> Result<Self> {
        let rcu = Opaque::uninit();
        Ok(Self(KBox::new(Node { rcu, object }, GFP_KERNEL_ACCOUNT)?))
    }
}

/// An object removed from its [`RcuSlot`]. Dropping this frees it after a grace period.
pub(crate) struct Retired<T: Retire + Send + 'static>(ManuallyDrop<KBox<Node<T>>>);

impl<T: Retire + Send + 'static> Drop for Retired<T> {
    fn drop(&mut self) {
        // SAFETY: `self` is not used after this.
        let node = unsafe { ManuallyDrop::take(&mut self.0) };
        node.object.retire();
        let node = KBox::into_raw(node);
        // SAFETY: The node is valid, its `rcu` is not in use, and it is passed to `free` once.
        // `rcu_barrier()` must be called before this code is unloaded.
        unsafe { bindings::call_rcu((*node).rcu.get(), Some(free::<T>)) };
    }
}

/// # Safety
///
/// Called by RCU for the `rcu` field of a node from `KBox::into_raw`.
unsafe extern "C" fn free<T>(rcu: *mut bindings::callback_head) {
    // SAFETY: By the safety requirements.
    let node = unsafe { kernel::container_of!(Opaque::cast_from(rcu), Node<T>, rcu) };
    // SAFETY: As above, and no reader is left.
    drop(unsafe { KBox::from_raw(node.cast_mut()) });
}

/// A slot for an object that RCU readers can access.
///
/// # Invariants
///
/// `node` is 0 or a node from `KBox::into_raw`. Such a node is freed no earlier than a grace period
/// after it left the slot.
pub(crate) struct RcuSlot<T: Retire + Send + Sync + 'static> {
    node: Atomic<usize>,
    _node: PhantomData<KBox<Node<T>>>,
}

impl<T: Retire + Send + Sync + 'static> RcuSlot<T> {
    /// Creates an empty slot.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is no node.
        Self {
            node: Atomic::new(0),
            _node: PhantomData,
        }
    }

    /// Returns the object, valid during the RCU read-side critical section.
    #[inline]
    pub(crate) fn read<'a>(&'a self, _guard: &'a Guard) -> Option<&'a T> {
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer are
        // ordered after the load of the pointer.
        let node = unsafe { self.node.as_ptr().read_volatile() } as *const Node<T>;
        // SAFETY: By the type invariant it is null, or not freed before the critical section ends.
        unsafe { node.as_ref() }.map(|node| &node.object)
    }

    /// Puts `node` into the slot, or empties it. Returns the previous object. May be called in any
    /// context.
    pub(crate) fn swap(&self, node: Option<RcuNode<T>>) -> Option<Retired<T>> {
        // INVARIANT: The new node is from `into_raw`; `Retired` frees the old one.
        let new = node.map_or(0, |node| KBox::into_raw(node.0) as usize);
        let old = self.node.xchg(new, Full) as *mut Node<T>;
        if old.is_null() {
            return None;
        }
        // SAFETY: By the type invariant it is from `into_raw`, and it has just left the slot.
        Some(Retired(ManuallyDrop::new(unsafe { KBox::from_raw(old) })))
    }
}

impl<T: Retire + Send + Sync + 'static> Drop for RcuSlot<T> {
    fn drop(&mut self) {
        let node = *self.node.get_mut() as *mut Node<T>;
        if !node.is_null() {
            // SAFETY: By the type invariant it is from `into_raw`. Readers borrow the slot, so none is left.
            drop(unsafe { KBox::from_raw(node) });
        }
    }
}

/// Waits until all retired objects are freed. Must be called before the module is unloaded, with
/// nothing left to retire. May sleep.
pub(crate) fn barrier() {
    // SAFETY: May be called in process context.
    unsafe { bindings::rcu_barrier() };
}
