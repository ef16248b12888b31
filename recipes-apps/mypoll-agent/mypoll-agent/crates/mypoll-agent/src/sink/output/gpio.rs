// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of the GPIO character device.

mod find;

use std::{fs::File, io, path::PathBuf};

use embedded_hal::digital::PinState;
use gpio_cdev::{LineInfo, LineRequestFlags};
use linux_embedded_hal::CdevPin;
use thiserror::Error;

use super::{config::Line, late_line::Opened};

/// Why a line can't be had.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    /// The chip can't be opened.
    #[error("cannot open the chip {}: {error}", path.display())]
    Chip {
        /// Its device file.
        path: PathBuf,
        /// What the system says. Its message has its source in it, so it is not a `#[source]` here.
        error: gpio_cdev::Error,
    },
    /// The chips can't be listed.
    #[error("cannot list the GPIO chips: {0}")]
    Chips(io::Error),
    /// No chip that can be opened has this label.
    #[error("no GPIO chip is labelled `{label}`; there are: {there_are}")]
    NoChip {
        /// The label looked for.
        label: String,
        /// The labels that there are, and the device files that can't be opened, each with the reason.
        there_are: String,
    },
    /// Several chips have this label.
    #[error("{chips} are all labelled `{label}`; name the device file in `chip`")]
    SharedLabel {
        /// The label looked for.
        label: String,
        /// The device files.
        chips: String,
    },
    /// The chip has fewer lines.
    #[error("the chip `{chip}` has lines 0 to {last}, not {line}", last = lines.saturating_sub(1))]
    NoLine {
        /// The chip's label.
        chip: String,
        /// How many lines it has.
        lines: u32,
        /// The line asked for.
        line: u32,
    },
    /// No line has this name.
    #[error("no GPIO line of {among} is named `{name}` (`gpioinfo` lists them)")]
    NoName {
        /// The name looked for.
        name: String,
        /// Where.
        among: String,
    },
    /// Several lines have this name.
    #[error("{lines} are all named `{name}`; give `chip` and the number as `line`")]
    SharedName {
        /// The name looked for.
        name: String,
        /// The lines.
        lines: String,
    },
    /// The line can't be had as an output.
    #[error("cannot take line {line} of the chip `{chip}` as an output: {error}{holder}")]
    Request {
        /// The chip's label.
        chip: String,
        /// The line asked for.
        line: u32,
        /// What the system says.
        error: gpio_cdev::Error,
        /// Who has it, where somebody does.
        holder: String,
    },
}

/// Takes the line of the output `name` in this state.
pub(super) fn open(line: &Line, name: &str, state: PinState) -> Result<Opened<CdevPin>, OpenError> {
    let (chip, line) = find::line(line)?;
    // The output knows what is active. Were the kernel told as well, CdevPin would turn the level round once more.
    let pin = line
        .request(
            LineRequestFlags::OUTPUT,
            u8::from(state == PinState::High),
            &consumer(name),
        )
        .and_then(CdevPin::new)
        .map_err(|error| OpenError::Request {
            chip: chip.label().to_owned(),
            line: line.offset(),
            error,
            holder: line.info().map(holder).unwrap_or_default(),
        })?;
    let chip = File::open(chip.path()).ok();
    Ok(Opened {
        pin,
        chip: chip.map(Into::into),
    })
}

/// What the kernel calls who has the line: 31 bytes at most.
fn consumer(name: &str) -> String {
    format!("{}: {name}", env!("CARGO_PKG_NAME"))
}

fn holder(info: LineInfo) -> String {
    match info.consumer() {
        Some(holder) if info.is_used() => format!(" (`{holder}` has it)"),
        _ => String::new(),
    }
}
