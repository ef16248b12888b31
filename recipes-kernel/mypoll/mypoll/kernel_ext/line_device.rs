// SPDX-License-Identifier: GPL-2.0-only

//! Platform devices that each represent a GPIO line, for lines that no firmware describes.
//!
//! Such a device has the properties of a line's device-tree node in a software node, and its line in
//! a GPIO lookup table.
//!
//! C headers: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h),
//! [`include/linux/gpio/machine.h`](srctree/include/linux/gpio/machine.h)

use super::device::as_raw;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::from_err_ptr,
    ffi,
    prelude::*,
    str::CStr,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    }, //
};

/// Lookup flags, `enum gpio_lookup_flags`.
pub(crate) const ACTIVE_LOW: u32 = 1 << 0;
/// See [`ACTIVE_LOW`].
pub(crate) const PULL_UP: u32 = 1 << 4;
/// See [`ACTIVE_LOW`].
pub(crate) const PULL_DOWN: u32 = 1 << 5;
/// See [`ACTIVE_LOW`].
pub(crate) const PULL_DISABLE: u32 = 1 << 6;

/// The highest offset in a lookup table.
pub(crate) const OFFSET_MAX: u32 = u16::MAX as u32 - 1;

/// Returns `ENOTUNIQ`, for which the kernel crate has no constant.
pub(crate) fn not_unique() -> Error {
    Error::from_errno(-(bindings::ENOTUNIQ as ffi::c_int))
}

/// The line of a device.
#[derive(Clone, Copy)]
pub(crate) enum Lookup<'a> {
    /// The line at an offset, up to [`OFFSET_MAX`], on a chip with a label or a name.
    Chip(&'a CStr, u32),
    /// The first line with a name.
    LineName(&'a CStr),
}

/// The description of a [`LineDevice`].
pub(crate) struct LineDeviceConfig<'a> {
    pub(crate) lookup: Lookup<'a>,
    /// [`ACTIVE_LOW`], and at most one `PULL_` flag.
    pub(crate) lookup_flags: u32,
    /// The properties of the same name in devicetree/bindings/misc/mypoll,events.yaml.
    pub(crate) label: &'a CStr,
    pub(crate) edge: &'a CStr,
    pub(crate) debounce_ms: u32,
    pub(crate) number: Option<u32>,
    pub(crate) wakeup: bool,
}

/// `struct mypoll_line_config`.
#[repr(C)]
struct RawConfig {
    chip: *const ffi::c_char,
    line_name: *const ffi::c_char,
    label: *const ffi::c_char,
    edge: *const ffi::c_char,
    offset: u32,
    lookup_flags: u32,
    debounce_ms: u32,
    number: u32,
    has_number: bool,
    wakeup: bool,
}

/// `struct mypoll_line_device`.
#[repr(C)]
struct RawLineDevice {
    _opaque: [u8; 0],
}

// In some kernel configurations, types in these structures have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_line_device_register(
        config: *const RawConfig,
        data: *const ffi::c_void,
    ) -> *mut RawLineDevice;
    fn mypoll_line_device_attach(line: *mut RawLineDevice);
    fn mypoll_line_device_unregister(line: *mut RawLineDevice);
    fn mypoll_line_device_data(dev: *mut bindings::device) -> *const ffi::c_void;
}

/// The result of the probe of a [`LineDevice`].
///
/// # Invariants
///
/// `state` is [`NOT_PROBED`](Self::NOT_PROBED), a non-negative number, or a negative errno.
pub(crate) struct ProbeStatus {
    state: Atomic<i32>,
    /// The last number that the line had, if it is not negative.
    last_number: Atomic<i32>,
}

impl ProbeStatus {
    const NOT_PROBED: i32 = i32::MIN;

    fn new() -> Self {
        // INVARIANT: It is `NOT_PROBED`.
        Self {
            state: Atomic::new(Self::NOT_PROBED),
            last_number: Atomic::new(-1),
        }
    }

    /// Returns the status for the probe of `dev` to set, if `dev` is a [`LineDevice`].
    pub(crate) fn of(dev: &Device<Bound>) -> Option<Arc<Self>> {
        // SAFETY: `dev` is valid.
        let status = unsafe { mypoll_line_device_data(as_raw(dev)) }.cast::<Self>();
        if status.is_null() {
            return None;
        }
        // SAFETY: The data of a line device comes from `Arc::as_ptr` in `LineDevice::register`. The
        // `LineDevice` keeps the object until the device is unregistered, hence unbound.
        let status = core::mem::ManuallyDrop::new(unsafe { Arc::from_raw(status) });
        Some((*status).clone())
    }

    /// Sets the result of a probe: the line's number, up to [`i32::MAX`], or the error.
    pub(crate) fn set(&self, result: Result<u32>) {
        let state = match result {
            Ok(number) => i32::try_from(number).unwrap_or(i32::MAX),
            Err(error) => error.to_errno(),
        };
        if state >= 0 {
            self.last_number.store(state, Relaxed);
        }
        // INVARIANT: An errno is negative, and the number is not.
        self.state.store(state, Release);
    }

    /// Returns the number that the line had when it was last bound, if it was.
    pub(crate) fn last_number(&self) -> Option<u32> {
        u32::try_from(self.last_number.load(Relaxed)).ok()
    }

    /// Returns the last result.
    fn get(&self) -> Option<Result<u32>> {
        match self.state.load(Acquire) {
            Self::NOT_PROBED => None,
            state => Some(u32::try_from(state).map_err(|_| Error::from_errno(state))),
        }
    }
}

/// A registered device for one line. Dropping it unbinds and unregisters the device.
///
/// # Invariants
///
/// `raw` is registered with the pointer to `status` as its data.
pub(crate) struct LineDevice {
    raw: *mut RawLineDevice,
    status: Arc<ProbeStatus>,
}

// SAFETY: A device may be unregistered by any thread.
unsafe impl Send for LineDevice {}
// SAFETY: Shared references only give access to `status`.
unsafe impl Sync for LineDevice {}

impl LineDevice {
    /// Registers a device for the driver `mypoll`, and waits for its probe. May sleep.
    ///
    /// `ENODEV` without such a chip or line, [`ENOTUNIQ`](not_unique) if chips share the label;
    /// errors of the probe.
    pub(crate) fn register(config: &LineDeviceConfig<'_>) -> Result<Self> {
        let (chip, line_name, offset) = match config.lookup {
            Lookup::Chip(chip, offset) => (chip.as_char_ptr(), core::ptr::null(), offset),
            Lookup::LineName(name) => (core::ptr::null(), name.as_char_ptr(), 0),
        };
        if offset > OFFSET_MAX {
            return Err(EINVAL);
        }
        let raw_config = RawConfig {
            chip,
            line_name,
            label: config.label.as_char_ptr(),
            edge: config.edge.as_char_ptr(),
            offset,
            lookup_flags: config.lookup_flags,
            debounce_ms: config.debounce_ms,
            number: config.number.unwrap_or(0),
            has_number: config.number.is_some(),
            wakeup: config.wakeup,
        };
        let status = Arc::new(ProbeStatus::new(), GFP_KERNEL)?;
        // SAFETY: The strings are valid and copied. `status` outlives the device, which is unregistered
        // in `drop`.
        let raw = from_err_ptr(unsafe {
            mypoll_line_device_register(&raw_config, Arc::as_ptr(&status).cast())
        })?;
        // INVARIANT: It was just registered.
        let device = Self { raw, status };

        if device.status.get().is_none() {
            // SAFETY: By the type invariant the device is registered.
            unsafe { mypoll_line_device_attach(device.raw) };
        }
        match device.status.get() {
            Some(Ok(_)) => Ok(device),
            // Don't wait for the chip: `live` must fail now instead of succeeding later.
            None | Some(Err(EPROBE_DEFER)) => Err(ENODEV),
            Some(Err(error)) => Err(error),
        }
    }

    /// Returns the number of the line while the device is bound.
    pub(crate) fn number(&self) -> Option<u32> {
        self.status.get()?.ok()
    }
}

impl Drop for LineDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the device is registered, and `status` still lives.
        unsafe { mypoll_line_device_unregister(self.raw) };
    }
}
