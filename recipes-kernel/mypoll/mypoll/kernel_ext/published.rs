// SPDX-License-Identifier: GPL-2.0-only

//! An object that the whole module can find, for callbacks that get no pointer to it.

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

/// A static place for an object that is there while its [`Publication`] lives.
pub(crate) struct Published<T: Send + Sync + 'static>(RcuSlot<Object<T>>);

struct Object<T>(Arc<T>);

impl<T> Retire for Object<T> {}

impl<T: Send + Sync + 'static> Published<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        Self(RcuSlot::new())
    }

    /// Publishes `object`, in place of any other.
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
        // The place's reference is gone when this returns: its callback, which must not sleep, does not
        // drop the last one as long as somebody else has one.
        rcu::barrier();
    }
}
