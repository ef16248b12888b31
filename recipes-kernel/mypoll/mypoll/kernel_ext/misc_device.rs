// SPDX-License-Identifier: GPL-2.0-only

//! A misc device with its own data that supports poll, `SIGIO` and sysfs attributes, and keeps its
//! module loaded while a file is open.
//!
//! The kernel crate's [`MiscDevice`] has no `poll`, `fasync`, `owner` or data. A [`PollDevice`] adds
//! them to the file operations of [`MiscDeviceOptions::into_raw`]; all other operations stay the
//! kernel crate's.
//!
//! C headers: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h),
//! [`include/linux/poll.h`](srctree/include/linux/poll.h)

use super::fasync::FasyncList;
use core::slice;
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
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::CStr,
    sync::poll::PollTable,
    types::{
        ForeignOwnable,
        Opaque, //
    },
    ThisModule, //
};

/// A read would not block.
pub(crate) const READABLE: u32 = bindings::POLLIN | bindings::POLLRDNORM;
/// A write would not fail for lack of room.
pub(crate) const WRITABLE: u32 = bindings::POLLOUT | bindings::POLLWRNORM;
/// An exceptional condition.
pub(crate) const PRIORITY: u32 = bindings::POLLPRI;

type ShowFn = unsafe extern "C" fn(
    misc: *mut bindings::miscdevice,
    name: *const ffi::c_char,
    page: *mut ffi::c_char,
) -> isize;

// In some kernel configurations, types in these structures have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_set_attributes(misc: *mut bindings::miscdevice, show: ShowFn);
    static mypoll_iocb_nowait: ffi::c_int;
    fn mypoll_stream_open(inode: *mut bindings::inode, file: *mut bindings::file);
}

/// The private data of an open file that can be polled.
pub(crate) trait PollDevice: MiscDevice<Ptr = Pin<KBox<Self>>> {
    /// Data of the device, shared by its files.
    type Data: Send + Sync + 'static;

    /// Registers `table` with the wait queue of pollers, and then returns the readiness of the file, a
    /// combination of [`READABLE`], [`WRITABLE`] and [`PRIORITY`].
    fn poll(&self, file: &File, table: &PollTable<'_>) -> u32;

    /// Calls `update` to add the file to the list for `SIGIO`, or to remove it. May sleep.
    fn fasync(&self, on: bool, update: impl Fn(&FasyncList) -> Result) -> Result;
}

/// Writes the sysfs attribute with a name to a page. Returns the number of bytes.
pub(crate) type Show<D> = fn(data: &D, name: &[u8], page: &mut [u8]) -> Result<usize>;

/// Returns the data of the device that is being opened.
pub(crate) fn data<T: PollDevice + 'static>(misc: &MiscDeviceRegistration<T>) -> &T::Data {
    // SAFETY: Files of `T` are only opened by `Registration::open`, whose misc device is the field of a
    // `Registration` that outlives all files.
    let this = unsafe {
        &*kernel::container_of!(
            Opaque::cast_from(misc.as_raw().cast_const()),
            Registration<T>,
            misc
        )
    };
    &this.data
}

/// How a read or write may wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Sleeps until the file is ready.
    Block,
    /// As [`Block`](Self::Block), but fails instead of sleeping, even on a lock: for `RWF_NOWAIT` or
    /// io_uring, which polls and retries.
    NoWait,
    /// Does what is possible immediately: for `O_NONBLOCK`.
    NonBlocking,
    /// As [`NonBlocking`](Self::NonBlocking), but fails instead of sleeping on a lock.
    NonBlockingNoWait,
}

impl Patience {
    /// Returns the variant for an operation.
    pub(crate) fn of<T: ForeignOwnable>(kiocb: &Kiocb<'_, T>) -> Self {
        // SAFETY: A kiocb is valid, and holds a valid file, for as long as it lives.
        let (file, ki_flags) = unsafe {
            let kiocb = kiocb.as_raw();
            (
                LocalFile::from_raw_file((*kiocb).ki_filp),
                (*kiocb).ki_flags,
            )
        };
        // SAFETY: A constant.
        let nowait = ki_flags & unsafe { mypoll_iocb_nowait } != 0;
        match (file.flags() & flags::O_NONBLOCK != 0, nowait) {
            (false, false) => Self::Block,
            (false, true) => Self::NoWait,
            (true, false) => Self::NonBlocking,
            (true, true) => Self::NonBlockingNoWait,
        }
    }

    /// Whether sleeping is not allowed at all.
    pub(crate) fn is_nowait(self) -> bool {
        matches!(self, Self::NoWait | Self::NonBlockingNoWait)
    }
}

/// A registered misc device, a field of its module's data.
///
/// # Invariants
///
/// - `misc` is registered, and its `fops` point to the `fops` field.
/// - It lives until the module is unloaded, which open files prevent: all of them have been released
///   before it is dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T: PollDevice + 'static> {
    data: T::Data,
    show: Show<T::Data>,
    #[pin]
    fops: Opaque<bindings::file_operations>,
    #[pin]
    misc: Opaque<bindings::miscdevice>,
}

// SAFETY: `misc_deregister()` may be called from any thread, and the data may be sent.
unsafe impl<T: PollDevice + 'static> Send for Registration<T> {}
// SAFETY: A shared reference only gives access to the data, which may be shared.
unsafe impl<T: PollDevice + 'static> Sync for Registration<T> {}

impl<T: PollDevice + 'static> Registration<T> {
    /// Registers a misc device with `data`. Its open files keep `module` loaded, and `show` writes its
    /// attributes.
    pub(crate) fn new(
        options: MiscDeviceOptions,
        data: T::Data,
        show: Show<T::Data>,
        module: &'static ThisModule,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            data,
            show,
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
                // SAFETY: `this` is where the registration is being created; its `fops` were written above.
                misc.fops = unsafe { Opaque::cast_into(&raw const (*this.as_ptr()).fops) };
                // SAFETY: `slot` is valid for writes, and pinned, so that it does not move until it is
                // deregistered.
                // INVARIANT: On success the device is registered with the operations above.
                unsafe {
                    slot.write(misc);
                    mypoll_set_attributes(slot, Self::show_attribute);
                    to_result(bindings::misc_register(slot))
                }
            }),
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
            // `open` interprets the misc device in `private_data` as its own `MiscDeviceRegistration`,
            // which is transparent over a `miscdevice`.
            to_result(unsafe { inner(inode, file) })?;
            // SAFETY: As above. An event stream has no position: no seek, no pread, no position lock.
            unsafe { mypoll_stream_open(inode, file) };
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
        let device = unsafe { <Pin<KBox<T>> as ForeignOwnable>::borrow((*file).private_data) };
        // SAFETY: The file is valid during this call, and there is no fdget_pos region on it on
        // this thread.
        let file = unsafe { File::from_raw_file(file) };
        // SAFETY: The caller's table is null or valid during this call.
        let table = unsafe { PollTable::from_raw(table) };
        device.poll(file, &table)
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
        let device = unsafe { <Pin<KBox<T>> as ForeignOwnable>::borrow((*file).private_data) };
        let update = |list: &FasyncList| {
            // SAFETY: These are the arguments of the operation, which is called with `on` 0 for each
            // file that is closed with `O_ASYNC`.
            unsafe { list.update(fd, file, on) }
        };
        from_result(|| device.fasync(on != 0, update).map(|()| 0))
    }

    /// # Safety
    ///
    /// Called with the misc device of a `Self`, a string, and a page to write to.
    unsafe extern "C" fn show_attribute(
        misc: *mut bindings::miscdevice,
        name: *const ffi::c_char,
        page: *mut ffi::c_char,
    ) -> isize {
        // SAFETY: By the safety requirements. Attributes are removed before the device.
        let this = unsafe { &*kernel::container_of!(Opaque::cast_from(misc), Self, misc) };
        // SAFETY: By the safety requirements.
        let name = unsafe { CStr::from_char_ptr(name) };
        // SAFETY: By the safety requirements nobody else uses the page during the call; sysfs zeroes
        // it first.
        let page = unsafe { slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE) };
        from_result(|| Ok((this.show)(&this.data, name.to_bytes(), page)? as isize))
    }
}

#[pinned_drop]
impl<T: PollDevice + 'static> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the device is registered. Open files would have kept the
        // module loaded, and so this.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
