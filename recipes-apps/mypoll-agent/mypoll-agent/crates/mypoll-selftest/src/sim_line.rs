// SPDX-License-Identifier: MIT OR Apache-2.0

//! A GPIO line of gpio-sim, which is pressed through sysfs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};

use crate::device::Device;
use crate::runner::skip;

/// The label of the gpio-sim chip in the device tree.
const CHIP: &str = "mypoll-sim";

/// A line of the chip that the driver watches.
pub(crate) struct SimLine {
    /// Its number in events.
    pub(crate) number: u32,
    pull: PathBuf,
}

impl SimLine {
    /// The line without debouncing: offset 0 of the chip.
    pub(crate) fn plain(device: &Device) -> Result<Self> {
        Self::find(device, "sim", 0)
    }

    /// The line with a `debounce-interval`: offset 1 of the chip.
    pub(crate) fn debounced(device: &Device) -> Result<Self> {
        Self::find(device, "sim-debounced", 1)
    }

    fn find(device: &Device, label: &str, offset: u32) -> Result<Self> {
        let lines = device.lines()?;
        let Some(line) = lines.iter().find(|line| line.label == label) else {
            skip!("the device tree gives the driver no line labelled {label}");
        };
        let Some(pull) = pull_file(offset)? else {
            skip!("no gpio-sim chip labelled {CHIP}");
        };
        Ok(Self {
            number: line.number,
            pull,
        })
    }

    /// Makes the line active.
    pub(crate) fn press(&self) -> Result<()> {
        self.set(true)
    }

    /// Makes the line inactive.
    pub(crate) fn release(&self) -> Result<()> {
        self.set(false)
    }

    /// Makes the line active or inactive.
    pub(crate) fn set(&self, pressed: bool) -> Result<()> {
        let level = if pressed { "pull-up" } else { "pull-down" };
        fs::write(&self.pull, level)
            .with_context(|| format!("writing {level} to {}", self.pull.display()))
    }
}

/// Makes each line of the chip inactive that a test left active, and says whether there was one.
pub(crate) fn release_all() -> Result<bool> {
    let mut any = false;
    for offset in 0.. {
        match pull_file(offset)? {
            Some(file) if fs::read_to_string(&file)?.trim_end() == "pull-up" => {
                fs::write(&file, "pull-down")?;
                any = true;
            }
            Some(_) => {}
            None => break,
        }
    }
    Ok(any)
}

/// CLOCK_MONOTONIC in nanoseconds, the clock of the events.
pub(crate) fn now_ns() -> Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(u64::try_from(now.tv_sec())? * 1_000_000_000 + u64::try_from(now.tv_nsec())?)
}

fn pull_file(offset: u32) -> Result<Option<PathBuf>> {
    for path in gpiocdev::chip::chips()? {
        let chip = gpiocdev::Chip::from_path(&path)?;
        if chip.info()?.label == CHIP {
            let file = Path::new("/sys/bus/gpio/devices")
                .join(chip.name())
                .join(format!("sim_gpio{offset}/pull"));
            return Ok(file.exists().then_some(file));
        }
    }
    Ok(None)
}
