// SPDX-License-Identifier: MIT OR Apache-2.0

//! The platform device with the GPIO lines, and its driver.

use std::fs;
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const DRIVERS: &str = "/sys/bus/platform/drivers";

/// A platform device that the driver is, or was, bound to.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    driver: PathBuf,
    device: String,
}

impl Binding {
    /// Finds the device that is bound now; `None` if the device tree has none.
    pub(crate) fn find() -> Result<Option<Self>> {
        for driver in fs::read_dir(DRIVERS).context(DRIVERS)? {
            let driver = driver?;
            if !driver.file_name().to_string_lossy().starts_with("mypoll") {
                continue;
            }
            for device in fs::read_dir(driver.path())? {
                let device = device?;
                // The links in a driver's folder are its devices and its module.
                if device.file_type()?.is_symlink() && device.file_name() != "module" {
                    return Ok(Some(Self {
                        driver: driver.path(),
                        device: device.file_name().to_string_lossy().into(),
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Whether the driver is bound to the device now.
    pub(crate) fn is_bound(&self) -> bool {
        self.driver.join(&self.device).exists()
    }

    /// The numbers that the device tree gives to the lines of a bound device: their nodes' `reg`.
    pub(crate) fn line_numbers(&self) -> Result<Vec<u32>> {
        let node = self.driver.join(&self.device).join("of_node");
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&node).with_context(|| node.display().to_string())? {
            match fs::read(entry?.path().join("reg")) {
                Ok(cell) => numbers.push(u32::from_be_bytes(
                    cell[..].try_into().context("a reg of one cell")?,
                )),
                // A property, or a line without its own number.
                Err(error) if matches!(error.kind(), NotADirectory | NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(numbers)
    }

    /// Unbinds the driver from the device.
    pub(crate) fn unbind(&self) -> Result<()> {
        self.write("unbind")
    }

    /// Binds the driver to the device.
    pub(crate) fn bind(&self) -> Result<()> {
        self.write("bind")
    }

    fn write(&self, attribute: &str) -> Result<()> {
        let file: &Path = &self.driver.join(attribute);
        fs::write(file, &self.device)
            .with_context(|| format!("writing {} to {}", self.device, file.display()))
    }
}
