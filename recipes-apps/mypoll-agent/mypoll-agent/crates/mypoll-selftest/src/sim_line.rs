// SPDX-License-Identifier: MIT OR Apache-2.0

//! A GPIO line of gpio-sim, pressed through sysfs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};

use crate::device::Device;
use crate::runner::skip;

/// The label of the gpio-sim chip in the device tree.
const CHIP: &str = "mypoll-sim";

/// A line of the chip as described in the device tree (mypoll-sim.dtsi).
struct Described {
    label: &'static str,
    offset: u32,
    active_low: bool,
}

impl Described {
    const fn active_high(label: &'static str, offset: u32) -> Self {
        Self {
            label,
            offset,
            active_low: false,
        }
    }

    const fn active_low(label: &'static str, offset: u32) -> Self {
        Self {
            label,
            offset,
            active_low: true,
        }
    }

    /// The pull that makes the line active or inactive.
    fn pull(&self, active: bool) -> Pull {
        if active == self.active_low {
            Pull::Down
        } else {
            Pull::Up
        }
    }
}

const PLAIN: Described = Described::active_high("sim", 0);
const DEBOUNCED: Described = Described::active_high("sim-debounced", 1);
const BUTTON: Described = Described::active_low("sim-button", 2);
const RISING: Described = Described::active_high("sim-rising", 3);
const FALLING: Described = Described::active_low("sim-falling", 4);
const DEBOUNCED_FALLING: Described = Described::active_high("sim-debounced-falling", 5);

/// The pull of an input of the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// To high.
    Up,
    /// To low.
    Down,
}

impl Pull {
    /// The value in sysfs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Up => "pull-up",
            Self::Down => "pull-down",
        }
    }
}

/// A line of the chip that the driver watches.
pub(crate) struct SimLine {
    /// Its number in events.
    pub(crate) number: u32,
    described: &'static Described,
    /// Kept open: on an emulated debug kernel, finding it takes longer than writing it.
    pull: File,
}

impl SimLine {
    /// The line without special properties in the device tree.
    pub(crate) fn plain(device: &Device) -> Result<Self> {
        Self::find(device, &PLAIN)
    }

    /// The line with a `debounce-interval`.
    pub(crate) fn debounced(device: &Device) -> Result<Self> {
        Self::find(device, &DEBOUNCED)
    }

    /// The active-low line with a pull-up, like a button to ground.
    pub(crate) fn button(device: &Device) -> Result<Self> {
        Self::find(device, &BUTTON)
    }

    /// The line with a pull-down that only reports rising edges.
    pub(crate) fn rising(device: &Device) -> Result<Self> {
        Self::find(device, &RISING)
    }

    /// The active-low line that only reports falling edges.
    pub(crate) fn falling(device: &Device) -> Result<Self> {
        Self::find(device, &FALLING)
    }

    /// The line with a `debounce-interval` that only reports falling edges.
    pub(crate) fn debounced_falling(device: &Device) -> Result<Self> {
        Self::find(device, &DEBOUNCED_FALLING)
    }

    fn find(device: &Device, described: &'static Described) -> Result<Self> {
        let lines = device.lines()?;
        let Some(line) = lines.iter().find(|line| line.label == described.label) else {
            skip!(
                "the device tree gives the driver no line labelled {}",
                described.label
            );
        };
        let Some(pull) = pull_file(described.offset)? else {
            skip!("no gpio-sim chip labelled {CHIP}");
        };
        let pull = File::options().read(true).write(true).open(&pull);
        Ok(Self {
            number: line.number,
            described,
            pull: pull.context("opening what pulls a line")?,
        })
    }

    /// Its label, and the name of its interrupt.
    pub(crate) fn label(&self) -> &'static str {
        self.described.label
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
        self.set_pull(self.described.pull(pressed))
    }

    /// Pulls the line to a level.
    pub(crate) fn set_pull(&self, pull: Pull) -> Result<()> {
        let level = pull.as_str();
        self.pull
            .write_all_at(level.as_bytes(), 0)
            .with_context(|| format!("writing {level} for {}", self.label()))
    }

    /// The current pull of the line.
    pub(crate) fn pull(&self) -> Result<Pull> {
        let mut text = [0; 16];
        let length = self.pull.read_at(&mut text, 0)?;
        let text = std::str::from_utf8(&text[..length])?;
        [Pull::Up, Pull::Down]
            .into_iter()
            .find(|pull| pull.as_str() == text.trim_end())
            .with_context(|| format!("{}: seen {text:?}", self.label()))
    }
}

/// Makes lines of the chip inactive that a test left active; returns whether there was one.
pub(crate) fn release_all() -> Result<bool> {
    let mut any = false;
    for described in [
        &PLAIN,
        &DEBOUNCED,
        &BUTTON,
        &RISING,
        &FALLING,
        &DEBOUNCED_FALLING,
    ] {
        let Some(file) = pull_file(described.offset)? else {
            continue;
        };
        let inactive = described.pull(false).as_str();
        if fs::read_to_string(&file)?.trim_end() != inactive {
            fs::write(&file, inactive)?;
            any = true;
        }
    }
    Ok(any)
}

/// Unbinds the chip from its driver until this is dropped.
pub(crate) struct ChipAway;

const CHIP_DRIVER: &str = "/sys/bus/platform/drivers/gpio-sim";

/// The name of the chip's platform device: that of its node.
const CHIP_DEVICE: &str = "gpio-sim";

impl ChipAway {
    /// Removes the chip; skips the test if there is none.
    pub(crate) fn new() -> Result<Self> {
        if !Path::new(CHIP_DRIVER).join(CHIP_DEVICE).exists() {
            skip!("no gpio-sim chip in the device tree");
        }
        fs::write(Path::new(CHIP_DRIVER).join("unbind"), CHIP_DEVICE)
            .context("unbinding the chip")?;
        Ok(Self)
    }
}

impl Drop for ChipAway {
    fn drop(&mut self) {
        // If this fails, the next test that needs a line of it reports that.
        let _ = fs::write(Path::new(CHIP_DRIVER).join("bind"), CHIP_DEVICE);
    }
}

/// CLOCK_MONOTONIC in nanoseconds, the clock of the events.
pub(crate) fn now_ns() -> Result<u64> {
    clock_ns(ClockId::CLOCK_MONOTONIC)
}

/// A clock's time in nanoseconds.
pub(crate) fn clock_ns(clock: ClockId) -> Result<u64> {
    let now = clock_gettime(clock)?;
    Ok(u64::try_from(now.tv_sec())? * 1_000_000_000 + u64::try_from(now.tv_nsec())?)
}

/// Does not list the chips' device files: that takes 0.2 s on an emulated debug kernel, and this runs before each test.
fn pull_file(offset: u32) -> Result<Option<PathBuf>> {
    for chip in fs::read_dir("/sys/bus/gpio/devices")? {
        let chip = chip?.path();
        let label = fs::read(chip.join("of_node/gpio-sim,label"));
        if label.is_ok_and(|label| label.strip_suffix(b"\0") == Some(CHIP.as_bytes())) {
            let file = chip.join(format!("sim_gpio{offset}/pull"));
            return Ok(file.exists().then_some(file));
        }
    }
    Ok(None)
}
