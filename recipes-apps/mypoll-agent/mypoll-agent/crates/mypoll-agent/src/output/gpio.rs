// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs on lines of the GPIO character device.

mod chip;

use std::{future::Future, io, path::PathBuf, sync::Arc};

use embedded_hal::digital::PinState;
use gpio_cdev::LineRequestFlags;
use linux_embedded_hal::CdevPin;
use mypoll::Lines;
use thiserror::Error;

use super::{LatePin, Output};
use crate::{
    config::{self, Chip, UnknownLine},
    fanout::Subscription,
};

/// Why an output can't be had.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The rule refers to a line that the driver doesn't have.
    #[error(transparent)]
    Line(#[from] UnknownLine),
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
    /// The chip has fewer lines.
    #[error("the chip `{chip}` has lines 0 to {last}, not {line}", last = lines - 1)]
    NoLine {
        /// The chip's label.
        chip: String,
        /// How many lines it has.
        lines: u32,
        /// The line asked for.
        line: u32,
    },
    /// The line can't be had as an output: most often because something else has it.
    #[error(
        "cannot take line {line} of the chip `{chip}` as an output: {error} (`gpioinfo` tells who has it)"
    )]
    Request {
        /// The chip's label.
        chip: String,
        /// The line asked for.
        line: u32,
        /// What the system says.
        error: gpio_cdev::Error,
    },
}

impl OpenError {
    /// Whether the configuration is wrong; the others may go away by themselves.
    fn is_mistake(&self) -> bool {
        matches!(self, Self::Line(_) | Self::NoLine { .. })
    }
}

/// Takes the line and sets it inactive; the future reacts to `events` until there are no more.
///
/// A chip that can't be had, or a line of it, is logged, and the future tries again.
///
/// # Errors
///
/// The chip has no such line, or the rule refers to a line that the driver lacks.
pub fn start(
    output: &config::Output,
    lines: &Arc<Lines>,
    events: Subscription,
) -> Result<impl Future<Output = ()> + use<>, OpenError> {
    output.rule.check(lines)?;
    let (chip, line) = (output.chip.clone(), output.line);
    let mut pin = LatePin::new(
        format!("{chip} line {line}"),
        PinState::from(output.active_low),
        move |state| take_line(&chip, line, state),
    );
    match pin.open() {
        Err(error) if error.is_mistake() => return Err(error),
        Err(error) => pin.complain(&error),
        Ok(()) => {}
    }
    let output = Output {
        pin,
        active_low: output.active_low,
        rule: output.rule.clone(),
        lines: Arc::clone(lines),
    };
    Ok(output.run(events))
}

fn take_line(chip: &Chip, line: u32, state: PinState) -> Result<CdevPin, OpenError> {
    let mut chip = chip::open(chip)?;
    if line >= chip.num_lines() {
        return Err(OpenError::NoLine {
            chip: chip.label().to_owned(),
            lines: chip.num_lines(),
            line,
        });
    }
    // `Output` knows what is active. Were the kernel told as well, CdevPin would turn the level around once more.
    chip.get_line(line)
        .and_then(|line| {
            line.request(
                LineRequestFlags::OUTPUT,
                u8::from(state == PinState::High),
                env!("CARGO_PKG_NAME"),
            )
        })
        .and_then(CdevPin::new)
        .map_err(|error| OpenError::Request {
            chip: chip.label().to_owned(),
            line,
            error,
        })
}
