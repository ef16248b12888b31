// SPDX-License-Identifier: GPL-2.0-only

//! A GPIO line from the consumer's view.
//!
//! C header: [`include/linux/gpio/consumer.h`](srctree/include/linux/gpio/consumer.h)

use super::device::{
    as_raw,
    fwnode_as_raw, //
};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    bindings,
    device::{
        property::FwNode,
        Bound,
        Device, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    ffi,
    prelude::*,
    str::CStr,
    sync::aref::ARef, //
};

// In some kernel configurations, types in these structures have no fields.
#[allow(improper_ctypes)]
extern "C" {
    fn mypoll_gpiod_get_input(
        dev: *mut bindings::device,
        fwnode: *mut bindings::fwnode_handle,
        consumer: *const ffi::c_char,
    ) -> *mut bindings::gpio_desc;
    fn mypoll_gpiod_is_leaving(
        desc: *mut bindings::gpio_desc,
        parent: *mut *mut bindings::device,
    ) -> bool;
    fn mypoll_gpiod_offset(desc: *mut bindings::gpio_desc) -> ffi::c_uint;
    fn mypoll_gpiod_chip_name(desc: *mut bindings::gpio_desc) -> *const ffi::c_char;
    fn gpiod_put(desc: *mut bindings::gpio_desc);
    fn gpiod_is_active_low(desc: *const bindings::gpio_desc) -> ffi::c_int;
    fn gpiod_cansleep(desc: *const bindings::gpio_desc) -> ffi::c_int;
    fn gpiod_get_value(desc: *const bindings::gpio_desc) -> ffi::c_int;
    fn gpiod_get_value_cansleep(desc: *const bindings::gpio_desc) -> ffi::c_int;
    fn gpiod_set_debounce(desc: *mut bindings::gpio_desc, debounce_us: ffi::c_uint) -> ffi::c_int;
    fn gpiod_to_irq(desc: *const bindings::gpio_desc) -> ffi::c_int;
}

/// A chip that is gone, or whose driver is being unbound.
pub(crate) struct LeavingChip(Option<ARef<Device>>);

impl LeavingChip {
    /// Returns the device that is being unbound.
    pub(super) fn device(&self) -> Option<&Device> {
        self.0.as_deref()
    }
}

/// A line requested as an input. Its levels are logical: those of an active-low line are inverted.
///
/// # Invariants
///
/// `desc` is a requested line that is not released before this is dropped.
pub(crate) struct Input {
    desc: *mut bindings::gpio_desc,
}

// SAFETY: The functions of gpiolib that are used here may be called from any thread.
unsafe impl Send for Input {}
// SAFETY: gpiolib protects its descriptors itself.
unsafe impl Sync for Input {}

impl Input {
    /// Requests the line in the property `gpios` of `node`, with the name `consumer`, and links `dev`
    /// to its chip: `dev` is unbound before the chip is, and bound again after it.
    ///
    /// `ENOENT` without such a property, `EPROBE_DEFER` while the chip is absent, or being bound or
    /// unbound, `EBUSY` if the line is in use.
    pub(crate) fn get(dev: &Device<Bound>, node: &FwNode, consumer: &CStr) -> Result<Self> {
        // SAFETY: `node` is valid.
        unsafe { Self::request(dev, fwnode_as_raw(node), consumer) }
    }

    /// Requests the line in a lookup table for `dev`. Otherwise like [`get`](Self::get).
    pub(crate) fn get_from_lookup(dev: &Device<Bound>, consumer: &CStr) -> Result<Self> {
        // SAFETY: There is no node.
        unsafe { Self::request(dev, ptr::null_mut(), consumer) }
    }

    /// # Safety
    ///
    /// `node` is null or valid.
    unsafe fn request(
        dev: &Device<Bound>,
        node: *mut bindings::fwnode_handle,
        consumer: &CStr,
    ) -> Result<Self> {
        // SAFETY: `dev` is valid, and so is `node` by the safety requirements; gpiolib copies the
        // consumer's name.
        let desc = from_err_ptr(unsafe {
            mypoll_gpiod_get_input(as_raw(dev), node, consumer.as_char_ptr())
        })?;
        // INVARIANT: The line was just requested.
        Ok(Self { desc })
    }

    /// Returns the chip if it is gone, or its driver is being unbound. May sleep.
    pub(crate) fn leaving_chip(&self) -> Option<LeavingChip> {
        let mut parent = ptr::null_mut();
        // SAFETY: By the type invariant the line is requested.
        let is_leaving = unsafe { mypoll_gpiod_is_leaving(self.desc, &mut parent) };
        // CAST: `Device` is a transparent wrapper of `struct device`.
        let parent = NonNull::new(parent.cast::<Device>());
        // SAFETY: A non-null pointer comes with a reference, which this takes over.
        let parent = parent.map(|parent| unsafe { ARef::from_raw(parent) });
        is_leaving.then_some(LeavingChip(parent))
    }

    /// Returns the offset of the line on its chip.
    pub(crate) fn offset(&self) -> u32 {
        // SAFETY: By the type invariant the line is requested.
        unsafe { mypoll_gpiod_offset(self.desc) }
    }

    /// Returns the name of the line's chip, such as `gpiochip0`. The chip may be gone.
    pub(crate) fn chip_name(&self) -> &CStr {
        // SAFETY: By the type invariant the line is requested, which keeps the chip's device, whose name
        // does not change. So the name lives as long as `self`, and is NUL-terminated.
        unsafe { CStr::from_char_ptr(mypoll_gpiod_chip_name(self.desc)) }
    }

    /// Returns whether the line is active-low.
    pub(crate) fn is_active_low(&self) -> bool {
        // SAFETY: By the type invariant the line is requested.
        unsafe { gpiod_is_active_low(self.desc) > 0 }
    }

    /// Returns whether reading the level may sleep, so that [`level`](Self::level) must not be used.
    pub(crate) fn can_sleep(&self) -> bool {
        // SAFETY: By the type invariant the line is requested.
        unsafe { gpiod_cansleep(self.desc) != 0 }
    }

    /// Returns whether the line is active. May be called in any context, unless the chip
    /// [sleeps](Self::can_sleep).
    ///
    /// `ENODEV` if the chip is gone.
    pub(crate) fn level(&self) -> Result<bool> {
        // SAFETY: By the type invariant the line is requested.
        level_from(unsafe { gpiod_get_value(self.desc) })
    }

    /// Returns whether the line is active. May sleep.
    ///
    /// `ENODEV` if the chip is gone.
    pub(crate) fn level_may_sleep(&self) -> Result<bool> {
        // SAFETY: By the type invariant the line is requested.
        level_from(unsafe { gpiod_get_value_cansleep(self.desc) })
    }

    /// Makes the chip suppress pulses shorter than `microseconds`; fails if it can't.
    pub(crate) fn set_debounce(&self, microseconds: u32) -> Result {
        // SAFETY: By the type invariant the line is requested.
        to_result(unsafe { gpiod_set_debounce(self.desc, microseconds) })
    }

    /// Returns the number of the line's interrupt.
    pub(crate) fn irq(&self) -> Result<u32> {
        // SAFETY: By the type invariant the line is requested.
        let irq = unsafe { gpiod_to_irq(self.desc) };
        to_result(irq)?;
        Ok(irq as u32)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the line is requested, and nothing uses it any more.
        unsafe { gpiod_put(self.desc) }
    }
}

fn level_from(value: ffi::c_int) -> Result<bool> {
    to_result(value)?;
    Ok(value != 0)
}
