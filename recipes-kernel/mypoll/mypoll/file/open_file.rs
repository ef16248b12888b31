// SPDX-License-Identifier: GPL-2.0-only

//! An open file: a reader of the shared queue until it is configured, then of a private queue.

use super::private::PrivateQueue;
use crate::{
    context::Context,
    kernel_ext::{
        fasync::FasyncList,
        set_once::SetOnce, //
    },
    queue::settings::Settings, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// An open file.
#[pin_data]
pub(crate) struct OpenFile {
    context: Arc<Context>,
    /// The private queue, from the first configuration on.
    queue: SetOnce<PrivateQueue>,
    /// Whether the file is on the shared queue's list for `SIGIO`. Locked while that changes and while
    /// the queue is set, so that the file gets no signal for a queue that it does not read.
    #[pin]
    on_shared_list: Mutex<bool>,
}

impl OpenFile {
    /// Creates a file without a private queue.
    pub(super) fn new(context: Arc<Context>) -> impl PinInit<Self> {
        pin_init!(Self {
            context,
            queue: SetOnce::new(),
            on_shared_list <- new_mutex!(false, "mypoll::OpenFile::on_shared_list"),
        })
    }

    /// Returns the module's parts.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Returns the private queue, if there is one.
    #[inline]
    pub(crate) fn queue(&self) -> Option<&PrivateQueue> {
        self.queue.as_ref()
    }

    /// Creates the file's private queue, or changes its settings.
    ///
    /// `EBUSY` if its ring is mapped, or if the file is on the shared queue's list for `SIGIO`;
    /// errors of [`PrivateQueue::open`].
    pub(super) fn configure(&self, settings: Settings) -> Result {
        if let Some(queue) = self.queue() {
            return queue.reconfigure(settings);
        }
        let queue = PrivateQueue::open(&self.context.bus, settings.clone())?;
        let on_shared_list = self.on_shared_list.lock();
        if *on_shared_list {
            return Err(EBUSY);
        }
        if !self.queue.populate(queue) {
            drop(on_shared_list);
            // Another thread created it first: reconfigure that one.
            return self.configure(settings);
        }
        Ok(())
    }

    /// Calls `update` to add the file to its queue's list for `SIGIO`, or to remove it.
    pub(super) fn update_fasync(&self, on: bool, update: impl Fn(&FasyncList) -> Result) -> Result {
        let mut on_shared_list = self.on_shared_list.lock();
        match self.queue() {
            Some(queue) => update(queue.fasync()),
            None => {
                update(self.context.bus.fasync())?;
                *on_shared_list = on;
                Ok(())
            }
        }
    }
}
