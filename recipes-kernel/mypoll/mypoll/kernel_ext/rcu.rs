// SPDX-License-Identifier: GPL-2.0-only

//! Objects that are read under RCU and freed by `call_rcu()`, so that neither side waits.
//!
//! The kernel crate has RCU guards, but no pointer that is protected by them.
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

/// What has to happen once readers can no longer find an object, before the grace period begins.
pub(crate) trait Retire {
    /// Called in the context that removes the object.
    fn retire(&self) {}
}

impl<T: ?Sized + Retire> Retire for kernel::sync::Arc<T> {
    fn retire(&self) {
        T::retire(self);
    }
}

/// An object on the heap that a [`RcuSlot`] can hold.
///
/// Dropping it is dropping an object that no reader can know.
pub(crate) struct RcuNode<T>(KBox<Node<T>>);

struct Node<T> {
    rcu: Opaque<bindings::callback_head>,
    object: T,
}

// SAFETY: RCU alone accesses `rcu`, and the object may be sent.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: RCU alone accesses `rcu`, and the object may be shared.
unsafe impl<T: Sync> Sync for Node<T> {}

impl<T> RcuNode<T> {
    /// Allocates a node with `object`.
    pub(crate) fn new(object: T) -> Result<Self> {
        let rcu = Opaque::uninit();
        Ok(Self(KBox::new(Node { rcu, object }, GFP_KERNEL_ACCOUNT)?))
    }
}

/// An object that was taken out of its [`RcuSlot`]. Dropping this frees it after a grace period.
pub(crate) struct Retired<T: Retire + Send + 'static>(ManuallyDrop<KBox<Node<T>>>);

impl<T: Retire + Send + 'static> Drop for Retired<T> {
    fn drop(&mut self) {
        // SAFETY: `self` is not used after this.
        let node = unsafe { ManuallyDrop::take(&mut self.0) };
        node.object.retire();
        let node = KBox::into_raw(node);
        // SAFETY: The node is valid, its `rcu` is not in use, and `free` gets it once.
        // `rcu_barrier()` has to be called before this code is unloaded.
        unsafe { bindings::call_rcu((*node).rcu.get(), Some(free::<T>)) };
    }
}

/// # Safety
///
/// Called by RCU for the `rcu` field of a node that `KBox::into_raw` gave.
unsafe extern "C" fn free<T>(rcu: *mut bindings::callback_head) {
    // SAFETY: By the safety requirements.
    let node = unsafe { kernel::container_of!(Opaque::cast_from(rcu), Node<T>, rcu) };
    // SAFETY: As above, and no reader is left.
    drop(unsafe { KBox::from_raw(node.cast_mut()) });
}

/// A place for an object that RCU readers find.
///
/// # Invariants
///
/// `node` is 0 or what `KBox::into_raw` gave for a node. Such a node is freed a grace period after it
/// left the slot, at the earliest.
pub(crate) struct RcuSlot<T: Retire + Send + Sync + 'static> {
    node: Atomic<usize>,
    _node: PhantomData<KBox<Node<T>>>,
}

impl<T: Retire + Send + Sync + 'static> RcuSlot<T> {
    /// An empty slot.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is no node.
        Self {
            node: Atomic::new(0),
            _node: PhantomData,
        }
    }

    /// Returns the object, for as long as the RCU read-side section lasts.
    #[inline]
    pub(crate) fn read<'a>(&'a self, _guard: &'a Guard) -> Option<&'a T> {
        // SAFETY: The word is valid. As with `rcu_dereference()`, accesses through a pointer come
        // after the load that gave it.
        let node = unsafe { self.node.as_ptr().read_volatile() } as *const Node<T>;
        // SAFETY: By the type invariant it is null, or not freed before the section ends.
        unsafe { node.as_ref() }.map(|node| &node.object)
    }

    /// Puts `node` into the slot, or empties it. Returns what was there. May be called in any
    /// context.
    pub(crate) fn swap(&self, node: Option<RcuNode<T>>) -> Option<Retired<T>> {
        // INVARIANT: `into_raw` gives the new node; the old one is freed by `Retired`.
        let new = node.map_or(0, |node| KBox::into_raw(node.0) as usize);
        let old = self.node.xchg(new, Full) as *mut Node<T>;
        if old.is_null() {
            return None;
        }
        // SAFETY: By the type invariant `into_raw` gave it, and it has just left the slot.
        Some(Retired(ManuallyDrop::new(unsafe { KBox::from_raw(old) })))
    }
}

impl<T: Retire + Send + Sync + 'static> Drop for RcuSlot<T> {
    fn drop(&mut self) {
        let node = *self.node.get_mut() as *mut Node<T>;
        if !node.is_null() {
            // SAFETY: By the type invariant `into_raw` gave it. Readers borrow the slot, so none is left.
            drop(unsafe { KBox::from_raw(node) });
        }
    }
}

/// Waits until all that was retired is freed. To be called before the module is unloaded, with
/// nothing left to retire. May sleep.
pub(crate) fn barrier() {
    // SAFETY: May be called in process context.
    unsafe { bindings::rcu_barrier() };
}
