// SPDX-License-Identifier: GPL-2.0-only

//! The file operations of /dev/mypoll.

use super::{
    command::{
        Command,
        COMMAND_MAX, //
    },
    fdinfo,
    ioctl,
    shared,
    OpenFile, //
};
use crate::{
    context::Context,
    kernel_ext::{
        fasync::FasyncList,
        misc_device::{
            self,
            Patience,
            PollDevice, //
        },
        params, //
    },
};
use kernel::{
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
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        poll::PollTable,
        Arc, //
    },
};

#[vtable]
impl MiscDevice for OpenFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(Self::new(misc_device::data(misc).clone()), GFP_KERNEL)
    }

    fn read_iter(kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        if iov.is_empty() {
            return Ok(0);
        }
        let file = kiocb.file();
        let patience = Patience::of(&kiocb);
        match file.queue() {
            None => shared::read(&file.context().bus, iov, patience == Patience::Block),
            Some(queue) => queue.read(iov, patience),
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
        let command = Command::parse(text).ok_or(EINVAL)?;
        if command.may_sleep() && Patience::of(&kiocb).is_nowait() {
            return Err(EAGAIN);
        }
        shared::run(kiocb.file().context(), command)?;
        Ok(length)
    }

    fn ioctl(device: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        ioctl::ioctl(&device, cmd, arg)
    }

    fn mmap(device: Pin<&Self>, _file: &File, vma: &VmaNew) -> Result {
        device.queue().ok_or(EINVAL)?.map(vma)
    }

    fn show_fdinfo(device: Pin<&Self>, text: &SeqFile, _file: &File) {
        fdinfo::show(&device, text);
    }
}

impl PollDevice for OpenFile {
    type Data = Arc<Context>;

    fn poll(&self, file: &File, table: &PollTable<'_>) -> u32 {
        let ready = match self.queue() {
            None => self.context().bus.poll(file, table),
            Some(queue) => queue.poll(file, table),
        };
        if params::poll_ret0() {
            return 0;
        }
        ready
    }

    fn fasync(&self, on: bool, update: impl Fn(&FasyncList) -> Result) -> Result {
        self.update_fasync(on, update)
    }
}
