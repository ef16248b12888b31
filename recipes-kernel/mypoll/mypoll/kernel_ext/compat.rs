// SPDX-License-Identifier: GPL-2.0-only

//! What Linux 6.18 and 7.3 have under different names.
//!
//! `Kbuild` sets `linux_7_3` from that version on.

use kernel::bindings;

/// The result of an interrupt handler that handled the interrupt.
#[cfg(not(linux_7_3))]
pub(super) const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn_IRQ_HANDLED;
/// The result of an interrupt handler that handled the interrupt.
#[cfg(linux_7_3)]
pub(super) const IRQ_HANDLED: bindings::irqreturn_t = bindings::irqreturn::IRQ_HANDLED;

/// The result of a timer's callback that does not restart the timer.
#[cfg(not(linux_7_3))]
pub(super) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart_HRTIMER_NORESTART;
/// The result of a timer's callback that does not restart the timer.
#[cfg(linux_7_3)]
pub(super) const HRTIMER_NORESTART: bindings::hrtimer_restart =
    bindings::hrtimer_restart::HRTIMER_NORESTART;

/// The kernel crate's own lock, if it has one.
#[cfg(linux_7_3)]
pub(crate) mod spinlock_irq {
    pub(crate) use kernel::{
        new_spinlock_irq,
        sync::{
            lock::spinlock::SpinLockIrqBackend,
            SpinLockIrq, //
        }, //
    };
}

/// Orders all accesses before it before all after it, on every CPU.
#[inline]
pub(crate) fn full_barrier() {
    #[cfg(not(linux_7_3))]
    kernel::sync::barrier::smp_mb();
    #[cfg(linux_7_3)]
    kernel::sync::barrier::smp_mb(kernel::sync::barrier::Full);
}

/// Orders all stores before it before all stores after it, on every CPU.
#[inline]
pub(super) fn write_barrier() {
    #[cfg(not(linux_7_3))]
    kernel::sync::barrier::smp_wmb();
    #[cfg(linux_7_3)]
    kernel::sync::barrier::smp_mb(kernel::sync::barrier::Write);
}

/// Defines `$driver` as the platform driver of device-tree nodes compatible with `$compatible`, and
/// of devices with the module's name. `$set_up` creates the driver's data from a bound device.
macro_rules! platform_driver {
    (driver: $driver:ty, compatible: $compatible:literal, set_up: $set_up:path $(,)?) => {
        #[cfg(not(linux_7_3))]
        ::kernel::of_device_table!(
            OF_TABLE,
            MODULE_OF_TABLE,
            (),
            [(
                ::kernel::of::DeviceId::new(::kernel::c_str!($compatible)),
                ()
            )]
        );

        #[cfg(linux_7_3)]
        ::kernel::of_device_table!(
            OF_TABLE,
            (),
            [(
                ::kernel::of::DeviceId::new(::kernel::c_str!($compatible)),
                ()
            )]
        );

        #[cfg(not(linux_7_3))]
        impl ::kernel::platform::Driver for $driver {
            type IdInfo = ();
            const OF_ID_TABLE: Option<::kernel::of::IdTable<()>> = Some(&OF_TABLE);

            fn probe(
                pdev: &::kernel::platform::Device<::kernel::device::Core>,
                _info: Option<&()>,
            ) -> Result<Pin<KBox<Self>>> {
                // Allocate first: nothing can fail once `$set_up` has succeeded.
                let memory = KBox::new_uninit(GFP_KERNEL)?;
                Ok(KBox::write(memory, $set_up(pdev.as_ref())?).into())
            }
        }

        #[cfg(linux_7_3)]
        impl ::kernel::platform::Driver for $driver {
            type IdInfo = ();
            type Data<'bound> = Self;
            const OF_ID_TABLE: Option<::kernel::of::IdTable<()>> = Some(&OF_TABLE);

            fn probe<'bound>(
                pdev: &'bound ::kernel::platform::Device<::kernel::device::Core<'_>>,
                _info: Option<&'bound ()>,
            ) -> impl PinInit<Self, Error> + 'bound {
                $set_up(pdev.as_ref())
            }
        }
    };
}
pub(crate) use platform_driver;
