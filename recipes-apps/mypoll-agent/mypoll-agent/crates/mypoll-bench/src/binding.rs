// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver of the line.

use std::fs;

use anyhow::{Context, Result};

/// A platform driver and its device in the bench's device tree.
#[derive(Clone, Copy)]
pub(crate) struct Driver {
    /// The driver's name.
    pub(crate) name: &'static str,
    /// The device's.
    pub(crate) device: &'static str,
}

impl Driver {
    /// Binds it to its device, which takes the line.
    pub(crate) fn bind(self) -> Result<Binding> {
        self.set("bind")?;
        Ok(Binding(self))
    }

    fn set(self, file: &str) -> Result<()> {
        let path = format!("/sys/bus/platform/drivers/{}/{file}", self.name);
        fs::write(&path, self.device).with_context(|| format!("writing {} to {path}", self.device))
    }
}

/// A driver that has the line until this is dropped.
pub(crate) struct Binding(Driver);

impl Drop for Binding {
    fn drop(&mut self) {
        // If this fails, binding the next driver fails as well, and reports it.
        let _ = self.0.set("unbind");
    }
}
