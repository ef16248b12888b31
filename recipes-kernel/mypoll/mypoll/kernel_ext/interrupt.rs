// SPDX-License-Identifier: GPL-2.0-only

//! An interrupt on edges of a line.
//!
//! The kernel crate's `irq::Registration` only takes interrupts of platform and PCI devices, not the
//! interrupt number of a GPIO line.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)

use super::compat::IRQ_HANDLED;
use kernel::{
    bindings,
    error::to_result,
    ffi,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// Which changes of a level are detected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeDetection {
    /// Any.
    Both,
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
}

impl EdgeDetection {
    /// Returns the same changes for the inverted level.
    pub(crate) fn inverted(self) -> Self {
        match self {
            EdgeDetection::Both => EdgeDetection::Both,
            EdgeDetection::Rising => EdgeDetection::Falling,
            EdgeDetection::Falling => EdgeDetection::Rising,
        }
    }

    /// Returns whether a change to `level` is detected.
    pub(crate) fn detects(self, level: bool) -> bool {
        match self {
            EdgeDetection::Both => true,
            EdgeDetection::Rising => level,
            EdgeDetection::Falling => !level,
        }
    }

    /// Returns the level after each change, if it is always the same.
    pub(crate) fn level_after(self) -> Option<bool> {
        match self {
            EdgeDetection::Both => None,
            EdgeDetection::Rising => Some(true),
            EdgeDetection::Falling => Some(false),
        }
    }

    fn irq_flags(self) -> ffi::c_ulong {
        let flags = match self {
            EdgeDetection::Both => bindings::IRQF_TRIGGER_RISING | bindings::IRQF_TRIGGER_FALLING,
            EdgeDetection::Rising => bindings::IRQF_TRIGGER_RISING,
            EdgeDetection::Falling => bindings::IRQF_TRIGGER_FALLING,
        };
        flags as ffi::c_ulong
    }
}

/// A function that is called for each interrupt.
pub(crate) trait EdgeHandler: Send + Sync {
    /// Handles an edge. Runs in a hard interrupt handler, or, if the chip is on a bus that sleeps, in a
    /// thread; never concurrently.
    fn handle_edge(&self);
}

/// A requested interrupt. Dropping it waits for its handler to return.
///
/// # Invariants
///
/// `irq` is requested with the pointer to `handler` as its `dev_id`.
pub(crate) struct EdgeInterrupt<T: EdgeHandler + 'static> {
    irq: u32,
    handler: Arc<T>,
    nested: bool,
    /// The name in /proc/interrupts; the kernel keeps the pointer.
    _name: CString,
}

impl<T: EdgeHandler + 'static> EdgeInterrupt<T> {
    /// Requests interrupt `irq` on `edges` of the line's physical level. `handler` may be called
    /// before this returns.
    pub(crate) fn request(
        irq: u32,
        edges: EdgeDetection,
        name: CString,
        handler: Arc<T>,
    ) -> Result<Self> {
        // SAFETY: The handler and the name live until `free_irq()` in `drop`; `callback` matches the
        // handler's type.
        let context = unsafe {
            bindings::request_any_context_irq(
                irq,
                Some(callback::<T>),
                edges.irq_flags(),
                name.as_char_ptr(),
                Arc::as_ptr(&handler).cast_mut().cast(),
            )
        };
        to_result(context)?;
        // INVARIANT: The interrupt was requested with this handler.
        Ok(Self {
            irq,
            handler,
            nested: context == bindings::IRQC_IS_NESTED as ffi::c_int,
            _name: name,
        })
    }

    /// Returns whether the handler runs in a thread.
    pub(crate) fn is_nested(&self) -> bool {
        self.nested
    }
}

impl<T: EdgeHandler + 'static> Drop for EdgeInterrupt<T> {
    fn drop(&mut self) {
        let dev_id = Arc::as_ptr(&self.handler).cast_mut().cast();
        // SAFETY: By the type invariant this is the interrupt's `dev_id`. Waits for its handler to
        // return.
        unsafe { bindings::free_irq(self.irq, dev_id) };
    }
}

/// # Safety
///
/// `dev_id` points to a `T` that lives until the interrupt is freed.
unsafe extern "C" fn callback<T: EdgeHandler + 'static>(
    _irq: ffi::c_int,
    dev_id: *mut ffi::c_void,
) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements.
    let handler = unsafe { &*dev_id.cast::<T>() };
    handler.handle_edge();
    IRQ_HANDLED
}
