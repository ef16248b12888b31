// SPDX-License-Identifier: GPL-2.0-only

//! The directories and their files.

use super::settings::{
    self,
    Setting,
    Settings,
    Value, //
};
// `configfs_attrs!` needs it here; 7.3 has no such macro.
#[cfg(not(linux_7_3))]
use crate::THIS_MODULE;
use crate::{
    kernel_ext::line_device::LineDevice,
    text::TextBuffer, //
};
use core::fmt::Write as _;
use kernel::{
    c_str,
    configfs::{
        AttributeOperations,
        Group,
        GroupOperations,
        Subsystem, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    str::{
        kstrtobool_bytes,
        CStr,
        CString, //
    },
    sync::Mutex, //
};

/// The directory /sys/kernel/config/mypoll. Each directory in it holds a reference to the module.
#[pin_data]
pub(crate) struct Configfs {
    #[pin]
    subsystem: Subsystem<Root>,
}

impl Configfs {
    /// Creates the directory.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        let item_type = kernel::configfs_attrs! {
            container: Subsystem<Root>,
            data: Root,
            child: LineItem,
            attributes: [],
        };
        try_pin_init!(Self {
            subsystem <- Subsystem::new(c_str!("mypoll"), item_type, try_pin_init!(Root {}? Error)),
        }? Error)
    }
}

/// The directory's data. It must be empty: the kernel crate of 6.18 confuses the data of a subsystem
/// with that of a group, which is at another offset.
#[pin_data]
struct Root {}

#[vtable]
impl GroupOperations for Root {
    type Child = LineItem;

    fn make_group(&self, name: &CStr) -> Result<impl PinInit<Group<LineItem>, Error>> {
        let item_type = kernel::configfs_attrs! {
            container: Group<LineItem>,
            data: LineItem,
            attributes: [
                chip: 0,
                offset: 1,
                line_name: 2,
                label: 3,
                edge: 4,
                debounce_ms: 5,
                active_low: 6,
                bias: 7,
                wakeup: 8,
                number: 9,
                live: 10,
            ],
        };
        let state = State {
            settings: Settings::new(name)?,
            device: None,
        };
        let item_name: CString = name.try_into()?;
        Ok(Group::new(
            name.try_into()?,
            item_type,
            try_pin_init!(LineItem {
                name: item_name,
                state <- new_mutex!(state, "mypoll::LineItem::state"),
            }? Error),
        ))
    }
}

/// A directory. Removing it removes its line.
#[pin_data]
struct LineItem {
    name: CString,
    #[pin]
    state: Mutex<State>,
}

/// The state protected by a directory's lock. The lock is held while the device is probed and
/// unbound, so neither may take it.
struct State {
    settings: Settings,
    /// The line's device, while it is live.
    device: Option<LineDevice>,
}

impl LineItem {
    fn store(&self, setting: &Setting, page: &[u8]) -> Result {
        let mut state = self.state.lock();
        if state.device.is_some() {
            return Err(EBUSY);
        }
        (setting.store)(
            &mut state.settings,
            page.strip_suffix(b"\n").unwrap_or(page),
        )
    }

    fn store_live(&self, page: &[u8]) -> Result {
        let live = kstrtobool_bytes(page)?;
        let mut state = self.state.lock();
        if live && state.device.is_none() {
            state.device = Some(state.settings.register(&self.name)?);
        } else if !live {
            state.device = None;
        }
        Ok(())
    }
}

/// Writes the value and a newline to `page`, and returns their length.
fn show(value: &Value<'_>, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
    if let Value::Number(number) = value {
        let mut text = TextBuffer::new(page);
        writeln!(text, "{number}")?;
        return Ok(text.len());
    }
    let text = match value {
        Value::Text(text) => text,
        _ => &[][..],
    };
    // A value came from a page, so there is room for the newline.
    page.get_mut(..text.len())
        .ok_or(EOVERFLOW)?
        .copy_from_slice(text);
    *page.get_mut(text.len()).ok_or(EOVERFLOW)? = b'\n';
    Ok(text.len() + 1)
}

macro_rules! impl_attribute {
    ($id:tt, $setting:expr) => {
        #[vtable]
        impl AttributeOperations<$id> for LineItem {
            type Data = LineItem;

            fn show(item: &LineItem, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
                show(&($setting.show)(&item.state.lock().settings), page)
            }

            fn store(item: &LineItem, page: &[u8]) -> Result {
                item.store(&$setting, page)
            }
        }
    };
}

impl_attribute!(0, settings::CHIP);
impl_attribute!(1, settings::OFFSET);
impl_attribute!(2, settings::LINE_NAME);
impl_attribute!(3, settings::LABEL);
impl_attribute!(4, settings::EDGE);
impl_attribute!(5, settings::DEBOUNCE_MS);
impl_attribute!(6, settings::ACTIVE_LOW);
impl_attribute!(7, settings::BIAS);
impl_attribute!(8, settings::WAKEUP);

/// `number`: the number of a live line, otherwise the configured one.
#[vtable]
impl AttributeOperations<9> for LineItem {
    type Data = LineItem;

    fn show(item: &LineItem, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        let state = item.state.lock();
        match state.device.as_ref().and_then(LineDevice::number) {
            Some(number) => show(&Value::Number(number), page),
            None => show(&(settings::NUMBER.show)(&state.settings), page),
        }
    }

    fn store(item: &LineItem, page: &[u8]) -> Result {
        item.store(&settings::NUMBER, page)
    }
}

/// `live`: whether the line is set up.
#[vtable]
impl AttributeOperations<10> for LineItem {
    type Data = LineItem;

    fn show(item: &LineItem, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(&item.state.lock().device.is_some().into(), page)
    }

    fn store(item: &LineItem, page: &[u8]) -> Result {
        item.store_live(page)
    }
}
