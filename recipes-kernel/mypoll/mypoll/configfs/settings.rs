// SPDX-License-Identifier: GPL-2.0-only

//! The settings of a line, in text form.

use crate::{
    kernel_ext::line_device::{
        self,
        LineDevice,
        LineDeviceConfig,
        Lookup, //
    },
    source::gpio::{
        label::{
            c_string,
            Label, //
        },
        table::NUMBER_MAX, //
    },
};
use core::str::FromStr;
use kernel::{
    c_str,
    prelude::*,
    str::{
        kstrtobool_bytes,
        CStr,
        CString, //
    }, //
};

/// The words for `edge`.
const EDGES: [&CStr; 3] = [c_str!("both"), c_str!("rising"), c_str!("falling")];

/// The words for `bias` and their lookup flags.
const BIASES: [(&CStr, u32); 4] = [
    (c_str!("as-is"), 0),
    (c_str!("pull-up"), line_device::PULL_UP),
    (c_str!("pull-down"), line_device::PULL_DOWN),
    (c_str!("disable"), line_device::PULL_DISABLE),
];

/// The longest `debounce_ms`: in microseconds it must fit into 32 bits.
const DEBOUNCE_MS_MAX: u32 = u32::MAX / 1000;

/// The value of an attribute.
pub(super) enum Value<'a> {
    Empty,
    Text(&'a [u8]),
    Number(u32),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Number(value.into())
    }
}

impl From<Option<u32>> for Value<'_> {
    fn from(value: Option<u32>) -> Self {
        value.map_or(Value::Empty, Value::Number)
    }
}

/// The settings of a line.
pub(super) struct Settings {
    chip: CString,
    offset: Option<u32>,
    line_name: CString,
    label: Label,
    edge: &'static CStr,
    debounce_ms: u32,
    active_low: bool,
    bias: (&'static CStr, u32),
    number: Option<u32>,
    wakeup: bool,
}

/// Reads and writes one setting.
pub(super) struct Setting {
    pub(super) show: fn(&Settings) -> Value<'_>,
    pub(super) store: fn(&mut Settings, &[u8]) -> Result,
}

pub(super) const CHIP: Setting = Setting {
    show: |settings| Value::Text(settings.chip.to_bytes()),
    store: |settings, text| {
        settings.chip = c_string(text)?;
        Ok(())
    },
};

pub(super) const OFFSET: Setting = Setting {
    show: |settings| settings.offset.into(),
    store: |settings, text| {
        settings.offset = optional(text, line_device::OFFSET_MAX)?;
        Ok(())
    },
};

pub(super) const LINE_NAME: Setting = Setting {
    show: |settings| Value::Text(settings.line_name.to_bytes()),
    store: |settings, text| {
        settings.line_name = c_string(text)?;
        Ok(())
    },
};

pub(super) const LABEL: Setting = Setting {
    show: |settings| Value::Text(settings.label.as_bytes()),
    store: |settings, text| {
        settings.label = Label::new(text)?;
        Ok(())
    },
};

pub(super) const EDGE: Setting = Setting {
    show: |settings| Value::Text(settings.edge.to_bytes()),
    store: |settings, text| {
        let edge = EDGES.iter().find(|edge| edge.to_bytes() == text);
        settings.edge = edge.ok_or(EINVAL)?;
        Ok(())
    },
};

pub(super) const DEBOUNCE_MS: Setting = Setting {
    show: |settings| Value::Number(settings.debounce_ms),
    store: |settings, text| {
        settings.debounce_ms = number(text, DEBOUNCE_MS_MAX)?;
        Ok(())
    },
};

pub(super) const ACTIVE_LOW: Setting = Setting {
    show: |settings| settings.active_low.into(),
    store: |settings, text| {
        settings.active_low = kstrtobool_bytes(text)?;
        Ok(())
    },
};

pub(super) const BIAS: Setting = Setting {
    show: |settings| Value::Text(settings.bias.0.to_bytes()),
    store: |settings, text| {
        let bias = BIASES.iter().find(|(word, _)| word.to_bytes() == text);
        settings.bias = *bias.ok_or(EINVAL)?;
        Ok(())
    },
};

pub(super) const NUMBER: Setting = Setting {
    show: |settings| settings.number.map_or(Value::Text(b"auto"), Value::Number),
    store: |settings, text| {
        let text = if text == b"auto" { b"" } else { text };
        settings.number = optional(text, NUMBER_MAX)?;
        Ok(())
    },
};

pub(super) const WAKEUP: Setting = Setting {
    show: |settings| settings.wakeup.into(),
    store: |settings, text| {
        settings.wakeup = kstrtobool_bytes(text)?;
        Ok(())
    },
};

impl Settings {
    /// Creates the settings of a line with `label`, without a chip or line name.
    pub(super) fn new(label: &CStr) -> Result<Self> {
        Ok(Self {
            chip: c_string(b"")?,
            offset: None,
            line_name: c_string(b"")?,
            label: Label::new(label.to_bytes())?,
            edge: EDGES[0],
            debounce_ms: 0,
            active_low: false,
            bias: BIASES[0],
            number: None,
            wakeup: false,
        })
    }

    /// Registers the device of the line. Errors are logged, under the name `item`.
    pub(super) fn register(&self, item: &CStr) -> Result<LineDevice> {
        let (chip, line_name) = (&*self.chip, &*self.line_name);
        let lookup = match (chip.is_empty(), self.offset, line_name.is_empty()) {
            (false, Some(offset), true) => Lookup::Chip(chip, offset),
            (true, None, false) => Lookup::LineName(line_name),
            _ => {
                pr_err!("{item}: set either chip and offset, or line_name\n");
                return Err(EINVAL);
            }
        };
        let active_low = if self.active_low {
            line_device::ACTIVE_LOW
        } else {
            0
        };
        LineDevice::register(&LineDeviceConfig {
            lookup,
            lookup_flags: self.bias.1 | active_low,
            label: self.label.as_c_str(),
            edge: self.edge,
            debounce_ms: self.debounce_ms,
            number: self.number,
            wakeup: self.wakeup,
        })
        .inspect_err(|error| {
            if *error == ENODEV {
                match lookup {
                    Lookup::Chip(..) => pr_err!("{item}: no GPIO chip {chip}\n"),
                    Lookup::LineName(_) => pr_err!("{item}: no GPIO line {line_name}\n"),
                }
            } else if *error == line_device::not_unique() {
                pr_err!("{item}: more than one GPIO chip has the label of {chip}\n");
            }
            // The driver's probe logs the rest.
        })
    }
}

/// Parses a number from 0 to `max`.
fn number(text: &[u8], max: u32) -> Result<u32> {
    let number = u32::from_str(core::str::from_utf8(text)?).map_err(|_| EINVAL)?;
    if number > max {
        return Err(EINVAL);
    }
    Ok(number)
}

/// Parses a number from 0 to `max`, or an empty text.
fn optional(text: &[u8], max: u32) -> Result<Option<u32>> {
    if text.is_empty() {
        return Ok(None);
    }
    number(text, max).map(Some)
}
