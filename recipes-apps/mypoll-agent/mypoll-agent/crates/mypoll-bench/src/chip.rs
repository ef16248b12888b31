// SPDX-License-Identifier: MIT OR Apache-2.0

//! The simulated GPIO chip whose lines all interfaces watch.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The chip's label in the device tree (tests/bench/mypoll-bench.dtso).
const LABEL: &str = "mypoll-bench";

/// The offset of the line that is toggled, which each interface watches in its turn.
pub(crate) const LINE: u32 = 0;

/// The chip.
pub(crate) struct Chip {
    /// Its GPIO character device.
    pub(crate) node: PathBuf,
    /// Its folder in sysfs.
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
        anyhow::bail!("no gpio-sim chip is labelled {LABEL}: only ./scripts/bench's machine has it")
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

/// A line of the chip, to be pulled.
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
