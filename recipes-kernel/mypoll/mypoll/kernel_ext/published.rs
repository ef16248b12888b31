// SPDX-License-Identifier: GPL-2.0-only

//! A globally accessible object, for callbacks without a data pointer.

use super::rcu::{
    self,
    RcuNode,
    RcuSlot,
    Retire, //
};
use kernel::{
    prelude::*,
    sync::{
        rcu::read_lock,
        Arc, //
    }, //
};

/// A static slot for an object that exists while its [`Publication`] lives.
pub(crate) struct Published<T: Send + Sync + 'static>(RcuSlot<Object<T>>);

struct Object<T>(Arc<T>);

impl<T> Retire for Object<T> {}

impl<T: Send + Sync + 'static> Published<T> {
    /// Creates an empty slot.
    pub(crate) const fn new() -> Self {
        Self(RcuSlot::new())
    }

    /// Publishes `object`, replacing any other.
    pub(crate) fn publish(&'static self, object: Arc<T>) -> Result<Publication<T>> {
        drop(self.0.swap(Some(RcuNode::new(Object(object))?)));
        Ok(Publication(self))
    }

    /// Returns the object, if one is published.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.0.read(&read_lock()).map(|object| object.0.clone())
    }
}

/// Keeps an object published. Dropping it may sleep.
pub(crate) struct Publication<T: Send + Sync + 'static>(&'static Published<T>);

impl<T: Send + Sync + 'static> Drop for Publication<T> {
    fn drop(&mut self) {
        drop(self.0 .0.swap(None));
        // Afterwards the slot's reference is gone. Its callback, which must not sleep, does not drop the
        // last reference while somebody else has one.
        rcu::barrier();
    }
}
