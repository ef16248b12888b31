// SPDX-License-Identifier: GPL-2.0-only

//! /dev/mypoll: one event a read, one command a write.

use crate::{
    abstractions::{
        fops::{
            self,
            PollDevice, //
        },
        global,
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
    hub::{
        now_ns,
        Hub, //
    },
    text::TextBuffer,
    ticker::Ticker,
};
use core::fmt::Write as _;
use kernel::{
    bindings,
    fs::{
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
    prelude::*,
    sync::{
        poll::PollTable,
        Arc, //
    },
};

/// An open file.
pub(crate) struct OpenFile {
    hub: Arc<Hub>,
}

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let hub = global::hub()?;
        Ok(KBox::new(Self { hub }, GFP_KERNEL)?)
    }

    fn read_iter(kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        if iov.is_empty() {
            return Ok(0);
        }
        let hub = &kiocb.file().hub;
        let claim = hub.claim(!fops::is_nonblocking(&kiocb))?;

        let mut line = [0; LINE_MAX];
        let mut line = TextBuffer::new(&mut line);
        let result = write!(line, "{}", claim.record())
            .map_err(|_| EOVERFLOW)
            .and_then(|()| copy_whole(iov, line.text()));
        match result {
            Ok(length) => {
                hub.delivered(claim);
                Ok(length)
            }
            Err(error) => {
                hub.put_back(claim);
                Err(error)
            }
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
}

impl PollDevice for OpenFile {
    fn poll(&self, file: &File, table: PollTable<'_>) -> u32 {
        let ready = self.hub.poll(file, table);
        if params::poll_ret0() {
            return 0;
        }
        ready
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
