// SPDX-License-Identifier: GPL-2.0-only

//! /dev/mypoll: one event a read or, with a queue of the file's own, many; one command a write.

use crate::{
    abstractions::{
        fasync::FasyncList,
        fops::{
            self,
            PollDevice, //
        },
        global,
        once_arc::OnceArc,
        params, //
    },
    command::{
        Command,
        COMMAND_MAX, //
    },
    event::{
        Event,
        LINE_MAX, //
    },
    fdinfo,
    hub::{
        now_ns,
        Hub, //
    },
    ioctl,
    private_queue::PrivateQueue,
    settings::Settings,
    text::TextBuffer,
    ticker::Ticker,
};
use core::fmt::Write as _;
use kernel::{
    bindings,
    fs::{
        file::flags,
        File,
        Kiocb, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceRegistration, //
    },
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        poll::PollTable,
        Arc, //
    },
};

/// An open file.
pub(crate) struct OpenFile {
    hub: Arc<Hub>,
    /// The queue of its own, from the first configuration on.
    queue: OnceArc<PrivateQueue>,
}

impl OpenFile {
    /// The hub.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The queue of its own, if it has one.
    pub(crate) fn queue(&self) -> Option<&PrivateQueue> {
        self.queue.get()
    }

    /// Gives the file a queue of its own, or that queue other settings.
    ///
    /// `EBUSY` where neither can be, `ENOMEM`.
    pub(crate) fn configure(&self, file: &File, settings: Settings) -> Result {
        if let Some(queue) = self.queue.get() {
            return queue.reconfigure(settings);
        }
        if file.flags() & flags::O_ASYNC != 0 {
            // It is on the list of those who want to hear of the shared queue.
            return Err(EBUSY);
        }
        let queue = PrivateQueue::open(&self.hub, settings.clone())?;
        if self.queue.set(queue.clone()).is_err() {
            queue.close();
            // Another thread was faster: its queue changes.
            return self.configure(file, settings);
        }
        Ok(())
    }

    #[inline(never)]
    fn read_shared(&self, iov: &mut IovIterDest<'_>, block: bool) -> Result<usize> {
        let claim = self.hub.claim(block)?;
        let mut line = [0; LINE_MAX];
        let mut line = TextBuffer::new(&mut line);
        let result = write!(line, "{}", claim.record())
            .map_err(|_| EOVERFLOW)
            .and_then(|()| copy_whole(iov, line.text()));
        match result {
            Ok(length) => {
                self.hub.delivered(claim);
                Ok(length)
            }
            Err(error) => {
                self.hub.put_back(claim);
                Err(error)
            }
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.get() {
            queue.close();
        }
    }
}

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let hub = global::hub()?;
        let queue = OnceArc::new();
        Ok(KBox::new(Self { hub, queue }, GFP_KERNEL)?)
    }

    fn read_iter(kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        if iov.is_empty() {
            return Ok(0);
        }
        let file = kiocb.file();
        let block = !fops::is_nonblocking(&kiocb);
        match file.queue.get() {
            None => file.read_shared(iov, block),
            Some(queue) => queue.read(iov, block),
        }
    }

    fn write_iter(kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let length = iov.len();
        if length == 0 {
            return Ok(0);
        }
        let mut text = [0; COMMAND_MAX];
        let text = text.get_mut(..length).ok_or(EINVAL)?;
        if iov.copy_from_iter(text) < length {
            return Err(EFAULT);
        }

        let hub = &kiocb.file().hub;
        match Command::parse(text).ok_or(EINVAL)? {
            Command::Trigger => hub
                .submit(Event::trigger(now_ns()))
                .map_err(|_full| Error::from_errno(-(bindings::ENOBUFS as i32)))?,
            Command::Start(period_ms) => {
                Ticker::start(hub, period_ms.unwrap_or_else(params::timer_period_ms))?
            }
            Command::Stop => Ticker::stop(hub),
            Command::Reset => hub.reset_statistics(),
        }
        Ok(length)
    }

    fn ioctl(device: &Self, file: &File, cmd: u32, arg: usize) -> Result<isize> {
        ioctl::ioctl(device, file, cmd, arg)
    }

    fn mmap(device: &Self, _file: &File, vma: &VmaNew) -> Result {
        device.queue.get().ok_or(EINVAL)?.map(vma)
    }

    fn show_fdinfo(device: &Self, text: &SeqFile, _file: &File) {
        fdinfo::show(device, text);
    }
}

impl PollDevice for OpenFile {
    fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        let ready = match self.queue.get() {
            None => self.hub.poll(file, table),
            Some(queue) => queue.poll(file, table),
        };
        if params::poll_ret0() {
            return 0;
        }
        ready
    }

    fn fasync(&self) -> (&FasyncList, Option<&FasyncList>) {
        match self.queue.get() {
            None => (self.hub.fasync(), None),
            Some(queue) => (queue.fasync(), Some(self.hub.fasync())),
        }
    }
}

/// Copies all of `text` or fails: `EINVAL` when the reader's buffer is too short for it, `EFAULT`
/// when it can't be written.
fn copy_whole(iov: &mut IovIterDest<'_>, text: &[u8]) -> Result<usize> {
    if iov.len() < text.len() {
        return Err(EINVAL);
    }
    if iov.copy_to_iter(text) < text.len() {
        return Err(EFAULT);
    }
    Ok(text.len())
}
