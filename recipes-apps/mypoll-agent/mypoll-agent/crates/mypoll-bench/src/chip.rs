// SPDX-License-Identifier: MIT OR Apache-2.0

//! The simulated GPIO chip whose lines all interfaces watch.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The chip's label in the device tree (tests/bench/mypoll-bench.dtso).
const LABEL: &str = "mypoll-bench";

/// The offset of the toggled line, which all interfaces watch in turn.
pub(crate) const LINE: u32 = 0;

/// The chip.
pub(crate) struct Chip {
    /// Its GPIO character device.
    pub(crate) node: PathBuf,
    /// Its directory in sysfs.
    folder: PathBuf,
}

impl Chip {
    /// Finds it by its label.
    pub(crate) fn find() -> Result<Self> {
        for node in gpiocdev::chip::chips()? {
            let chip = gpiocdev::Chip::from_path(&node)?;
            if chip.info()?.label == LABEL {
                let folder = Path::new("/sys/bus/gpio/devices").join(chip.name());
                return Ok(Self { node, folder });
            }
        }
        anyhow::bail!(
            "no gpio-sim chip with the label {LABEL}: it only exists in ./scripts/bench's machine"
        )
    }

    /// The line at [`LINE`].
    pub(crate) fn line(&self) -> Result<Line> {
        let pull = self.folder.join(format!("sim_gpio{LINE}/pull"));
        let pull = OpenOptions::new()
            .write(true)
            .open(&pull)
            .with_context(|| format!("opening {}", pull.display()))?;
        pull.write_at(b"pull-down", 0).context("pulling down")?;
        Ok(Line {
            pull,
            high: Cell::new(false),
        })
    }
}

/// A line of the chip, whose level can be set.
pub(crate) struct Line {
    pull: File,
    high: Cell<bool>,
}

impl Line {
    /// Makes one edge.
    pub(crate) fn toggle(&self) -> Result<()> {
        let high = !self.high.get();
        let pull: &[u8] = if high { b"pull-up" } else { b"pull-down" };
        self.pull.write_at(pull, 0).context("toggling the line")?;
        self.high.set(high);
        Ok(())
    }
}
