// SPDX-License-Identifier: GPL-2.0-only

//! What differs between the kernels that the driver is for, Linux 6.18 and 7.2.
//!
//! `Kbuild` sets `linux_7_2` from that version on.

use crate::platform_driver::Lines;
use kernel::{
    device::Core,
    mm::virt::vm_flags_t,
    of,
    platform,
    prelude::*, //
};

/// `VM_MAYSHARE`: in 7.2, `rust/bindings/bindings_helper.h` takes `VM_MAYEXEC` for it.
pub(crate) const VM_MAYSHARE: vm_flags_t = 0x80;

#[cfg(not(linux_7_2))]
impl platform::Driver for Lines {
    type IdInfo = ();
    const OF_ID_TABLE: Option<of::IdTable<()>> = Some(Self::OF_TABLE);

    fn probe(pdev: &platform::Device<Core>, _info: Option<&()>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self::new(pdev.as_ref())?, GFP_KERNEL)?.into())
    }
}

#[cfg(linux_7_2)]
impl platform::Driver for Lines {
    type IdInfo = ();
    type Data<'bound> = Self;
    const OF_ID_TABLE: Option<of::IdTable<()>> = Some(Self::OF_TABLE);

    fn probe<'bound>(
        pdev: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<Self, Error> + 'bound {
        Self::new(pdev.as_ref())
    }
}
