// SPDX-License-Identifier: GPL-2.0-only

//! A misc device that can be polled, sends `SIGIO`, and keeps its module loaded while a file is
//! open.
//!
//! The kernel crate's [`MiscDevice`] has no `poll`, `fasync` or `owner`. A [`PollDevice`] adds them
//! to the file operations that [`MiscDeviceOptions::into_raw`] makes; all other operations stay the
//! kernel crate's.
//!
//! C headers: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h),
//! [`include/linux/poll.h`](srctree/include/linux/poll.h)

use super::fasync::FasyncList;
use core::marker::PhantomData;
use kernel::{
    bindings,
    c_str,
    error::{
        from_result,
        to_result, //
    },
    ffi,
    fs::{
        file::flags,
        File,
        Kiocb,
        LocalFile, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions, //
    },
    prelude::*,
    sync::poll::PollTable,
    types::{
        ForeignOwnable,
        Opaque, //
    },
    ThisModule, //
};

/// A read would not block.
pub(crate) const READABLE: u32 = bindings::POLLIN | bindings::POLLRDNORM;
/// A write would not fail for want of room.
pub(crate) const WRITABLE: u32 = bindings::POLLOUT | bindings::POLLWRNORM;
/// Something out of the ordinary happened.
pub(crate) const PRIORITY: u32 = bindings::POLLPRI;

// Some kernel configurations leave types in these structures without a field.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_set_attributes(misc: *mut bindings::miscdevice);
}

/// The private data of an open file that can be polled.
pub(crate) trait PollDevice: MiscDevice<Ptr = KBox<Self>> {
    /// Registers `table` with what wakes its pollers, and then says what the file is ready for, of
    /// [`READABLE`], [`WRITABLE`] and [`PRIORITY`].
    fn poll(&self, file: &File, table: PollTable<'_>) -> u32;

    /// The list that a file which asks for `SIGIO` is put on, and others that it may be on from
    /// earlier.
    fn fasync(&self) -> (&FasyncList, Option<&FasyncList>);
}

/// Whether a read or write must not block.
pub(crate) fn is_nonblocking<T: ForeignOwnable>(kiocb: &Kiocb<'_, T>) -> bool {
    // SAFETY: A kiocb holds a valid file for as long as it lives.
    let file = unsafe { LocalFile::from_raw_file((*kiocb.as_raw()).ki_filp) };
    file.flags() & flags::O_NONBLOCK != 0
}

/// A registered misc device, a field of its module's own data.
///
/// # Invariants
///
/// - `misc` is registered, and its `fops` point to the `fops` beside it.
/// - It lives until the module is unloaded, and open files put that off: all of them have been
///   released before it goes away.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T> {
    #[pin]
    fops: Opaque<bindings::file_operations>,
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    _t: PhantomData<T>,
}

// SAFETY: `misc_deregister()` may be called from any thread.
unsafe impl<T> Send for Registration<T> {}
// SAFETY: A shared reference gives access to nothing.
unsafe impl<T> Sync for Registration<T> {}

impl<T: PollDevice + 'static> Registration<T> {
    /// Registers a misc device whose open files keep `module` loaded.
    pub(crate) fn new(
        options: MiscDeviceOptions,
        module: &'static ThisModule,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            fops <- Opaque::ffi_init(|slot: *mut bindings::file_operations| {
                // SAFETY: `into_raw` points `fops` to operations that are never freed; `slot` is
                // valid for writes.
                unsafe {
                    slot.write(bindings::file_operations {
                        owner: module.as_ptr(),
                        open: Some(Self::open),
                        poll: Some(Self::poll),
                        fasync: Some(Self::fasync),
                        ..*options.into_raw::<T>().fops
                    })
                }
            }),
            misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                let mut misc = options.into_raw::<T>();
                // SAFETY: `this` is where the registration is being made; its `fops` were written
                // above.
                misc.fops = unsafe { Opaque::cast_into(&raw const (*this.as_ptr()).fops) };
                // SAFETY: `slot` is valid for writes, and pinned, so that it stays where it is
                // until it is deregistered.
                // INVARIANT: On success the device is registered with the operations above.
                unsafe {
                    slot.write(misc);
                    mypoll_set_attributes(slot);
                    to_result(bindings::misc_register(slot))
                }
            }),
            _t: PhantomData,
        }? Error)
    }

    /// # Safety
    ///
    /// Called as the `open` operation of a device that is registered by this type.
    unsafe extern "C" fn open(
        inode: *mut bindings::inode,
        file: *mut bindings::file,
    ) -> ffi::c_int {
        const NAMELESS: MiscDeviceOptions = MiscDeviceOptions { name: c_str!("") };

        from_result(|| {
            // SAFETY: The operations that `into_raw` gives are never freed.
            let inner = unsafe { (*NAMELESS.into_raw::<T>().fops).open }.ok_or(ENODEV)?;
            // SAFETY: By the safety requirements this file is being opened. The kernel crate's
            // `open` takes the misc device in `private_data` for its own `MiscDeviceRegistration`,
            // which is transparent over a `miscdevice`.
            to_result(unsafe { inner(inode, file) })?;
            // SAFETY: As above. An event stream has no position: no seek, no pread, no lock around
            // it. Never fails.
            to_result(unsafe { bindings::stream_open(inode, file) })?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// Called as the `poll` operation of a file of a device that is registered by this type.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table,
    ) -> bindings::__poll_t {
        // SAFETY: `open` stored the private data, and it is not taken back before `release`.
        let device = unsafe { <KBox<T> as ForeignOwnable>::borrow((*file).private_data) };
        // SAFETY: The file is valid during this call, and there is no fdget_pos region on it on
        // this thread.
        let file = unsafe { File::from_raw_file(file) };
        // SAFETY: The caller's table is null or valid during this call.
        let table = unsafe { PollTable::from_raw(table) };
        device.poll(file, table)
    }

    /// # Safety
    ///
    /// Called as the `fasync` operation of a file of a device that is registered by this type.
    unsafe extern "C" fn fasync(
        fd: ffi::c_int,
        file: *mut bindings::file,
        on: ffi::c_int,
    ) -> ffi::c_int {
        // SAFETY: `open` stored the private data, and it is not taken back before `release`.
        let device = unsafe { <KBox<T> as ForeignOwnable>::borrow((*file).private_data) };
        let (list, other) = device.fasync();
        // SAFETY: These are the arguments of the operation.
        let result = unsafe { list.update(fd, file, on) };
        if on == 0 {
            if let Some(other) = other {
                // SAFETY: As above. A file that is not on the list can be taken off.
                let _ = unsafe { other.update(fd, file, on) };
            }
        }
        from_result(|| result.map(|()| 0))
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the device is registered. An open file would have kept the
        // module, and so this.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
