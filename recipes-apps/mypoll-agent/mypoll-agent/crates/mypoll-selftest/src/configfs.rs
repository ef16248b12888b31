// SPDX-License-Identifier: MIT OR Apache-2.0

//! Lines and simulated chips that are created in configfs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;

use crate::runner::skip;
use crate::sim_line::Pull;

const LINES: &str = "/sys/kernel/config/mypoll";
const CHIPS: &str = "/sys/kernel/config/gpio-sim";
/// Prefix of the names, to find folders that a test left behind.
const PREFIX: &str = "selftest-";

fn errno(error: std::io::Error) -> Errno {
    Errno::try_from(error).unwrap_or(Errno::UnknownErrno)
}

/// The folder of a line of the driver, removed on drop.
#[derive(Debug)]
pub(crate) struct ConfigLine {
    path: PathBuf,
}

impl ConfigLine {
    /// Creates the folder; skips the test if the kernel has no configfs.
    pub(crate) fn new(name: &str) -> Result<Self> {
        if !Path::new(CHIPS).exists() {
            skip!("no {CHIPS}: no gpio-sim in this kernel, or configfs is not mounted");
        }
        let path = Path::new(LINES).join(format!("{PREFIX}{name}"));
        fs::create_dir(&path).with_context(|| format!("mkdir {}", path.display()))?;
        Ok(Self { path })
    }

    /// Creates the folder for a line of a chip.
    pub(crate) fn of_chip(name: &str, chip: &SimChip, offset: u32) -> Result<Self> {
        let line = Self::new(name)?;
        line.set("chip", &chip.label).context("chip")?;
        line.set("offset", offset.to_string()).context("offset")?;
        Ok(line)
    }

    /// The name of the folder.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into()
    }

    /// Writes an attribute.
    pub(crate) fn set(&self, attribute: &str, value: impl AsRef<[u8]>) -> nix::Result<()> {
        fs::write(self.path.join(attribute), value).map_err(errno)
    }

    /// Writes an attribute, which must succeed.
    pub(crate) fn put(&self, attribute: &str, value: &str) -> Result<()> {
        self.set(attribute, value)
            .with_context(|| format!("{attribute}={value}"))
    }

    /// Reads an attribute, without the newline at its end.
    pub(crate) fn get(&self, attribute: &str) -> Result<String> {
        let file = self.path.join(attribute);
        let value = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(value.strip_suffix('\n').unwrap_or(&value).into())
    }

    /// Enables the line.
    pub(crate) fn go_live(&self) -> Result<()> {
        self.put("live", "1")
    }

    /// Removes the folder.
    pub(crate) fn remove(&self) -> nix::Result<()> {
        fs::remove_dir(&self.path).map_err(errno)
    }
}

impl Drop for ConfigLine {
    fn drop(&mut self) {
        // A test may have removed it.
        drop(fs::remove_dir(&self.path));
    }
}

/// A simulated chip, removed on drop.
#[derive(Debug)]
pub(crate) struct SimChip {
    folder: PathBuf,
    /// Its label.
    pub(crate) label: String,
}

/// A line of the chip before it is live.
pub(crate) enum Setup {
    /// Gives it a name.
    Name(u32, &'static str),
    /// Makes the kernel itself use it.
    Hog(u32),
}

impl SimChip {
    /// Creates a chip with `lines` lines; skips the test if the kernel cannot simulate one.
    pub(crate) fn new(name: &str, lines: u32) -> Result<Self> {
        Self::with(name, lines, &[])
    }

    /// The same, with prepared lines.
    pub(crate) fn with(name: &str, lines: u32, setup: &[Setup]) -> Result<Self> {
        if !Path::new(CHIPS).exists() {
            skip!("no {CHIPS}: no gpio-sim in this kernel, or configfs is not mounted");
        }
        let label = format!("{PREFIX}{name}");
        let chip = Self {
            folder: Path::new(CHIPS).join(&label),
            label,
        };
        let bank = chip.folder.join("bank0");
        fs::create_dir(&chip.folder)?;
        fs::create_dir(&bank)?;
        fs::write(bank.join("num_lines"), lines.to_string())?;
        fs::write(bank.join("label"), &chip.label)?;
        for setup in setup {
            let (Setup::Name(offset, _) | Setup::Hog(offset)) = setup;
            let line = bank.join(format!("line{offset}"));
            fs::create_dir(&line)?;
            match setup {
                Setup::Name(_, name) => fs::write(line.join("name"), name)?,
                Setup::Hog(_) => {
                    fs::create_dir(line.join("hog"))?;
                    fs::write(line.join("hog/direction"), "input")?;
                }
            }
        }
        chip.appear()?;
        Ok(chip)
    }

    /// Adds the chip.
    pub(crate) fn appear(&self) -> Result<()> {
        fs::write(self.folder.join("live"), "1").context("a simulated chip")
    }

    /// Removes the chip.
    pub(crate) fn disappear(&self) -> Result<()> {
        fs::write(self.folder.join("live"), "0").context("a simulated chip")
    }

    /// The kernel's name of it, such as gpiochip3.
    pub(crate) fn name(&self) -> Result<String> {
        let name = fs::read_to_string(self.folder.join("bank0/chip_name"))?;
        Ok(name.trim_end().into())
    }

    /// Pulls a line to a level.
    pub(crate) fn pull(&self, offset: u32, pull: Pull) -> Result<()> {
        let device = fs::read_to_string(self.folder.join("dev_name"))?;
        let file = Path::new("/sys/devices/platform")
            .join(device.trim_end())
            .join(self.name()?)
            .join(format!("sim_gpio{offset}/pull"));
        fs::write(&file, pull.as_str()).with_context(|| file.display().to_string())
    }

    /// The pull of a line.
    pub(crate) fn pulled(&self, offset: u32) -> Result<String> {
        let device = fs::read_to_string(self.folder.join("dev_name"))?;
        let file = Path::new("/sys/devices/platform")
            .join(device.trim_end())
            .join(self.name()?)
            .join(format!("sim_gpio{offset}/pull"));
        Ok(fs::read_to_string(&file)?.trim_end().into())
    }
}

impl Drop for SimChip {
    fn drop(&mut self) {
        drop(remove_chip(&self.folder));
    }
}

/// Removes the folder of a chip, whatever is in it.
fn remove_chip(folder: &Path) -> std::io::Result<()> {
    drop(fs::write(folder.join("live"), "0"));
    remove_folders(folder)
}

/// Removes a folder of configfs, with the folders in it; its files need not be removed.
fn remove_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_folders(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

/// Removes what failed tests left behind; returns whether there was anything.
pub(crate) fn remove_all() -> Result<bool> {
    let mut any = false;
    for (parent, remove) in [
        (LINES, (|path| fs::remove_dir(path)) as fn(&Path) -> _),
        (CHIPS, remove_chip),
    ] {
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                remove(&entry.path()).with_context(|| entry.path().display().to_string())?;
                any = true;
            }
        }
    }
    Ok(any)
}
