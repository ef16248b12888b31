// SPDX-License-Identifier: GPL-2.0-only

//! The platform driver: a `mypoll,events` node of the device tree, each child of which is a GPIO
//! line.

use crate::{
    abstractions::global,
    line::Line, //
};
use kernel::{
    c_str,
    device::Core,
    of,
    platform,
    prelude::*, //
};

kernel::of_device_table!(
    OF_TABLE,
    MODULE_OF_TABLE,
    <Lines as platform::Driver>::IdInfo,
    [(of::DeviceId::new(c_str!("mypoll,events")), ())]
);

/// The lines of a bound device.
pub(crate) struct Lines {
    _lines: KVec<Line>,
}

impl platform::Driver for Lines {
    type IdInfo = ();
    const OF_ID_TABLE: Option<of::IdTable<Self::IdInfo>> = Some(&OF_TABLE);

    fn probe(
        pdev: &platform::Device<Core>,
        _info: Option<&Self::IdInfo>,
    ) -> Result<Pin<KBox<Self>>> {
        let dev = pdev.as_ref();
        let hub = global::hub()?;
        let mut lines = KVec::new();
        for node in dev.fwnode().ok_or(ENODEV)?.children() {
            let line = Line::new(&hub, dev, &node)?;
            lines.push(line, GFP_KERNEL)?;
        }
        if lines.is_empty() {
            dev_err!(
                dev,
                "no line: each takes a child node with a 'gpios' property\n"
            );
            return Err(EINVAL);
        }
        Ok(KBox::new(Self { _lines: lines }, GFP_KERNEL)?.into())
    }
}
