// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of the GPIO character device.

use std::{fs::File, path::Path};

use embedded_hal::digital::PinState;
use gpio_cdev::{LineInfo, LineRequestFlags};
use linux_embedded_hal::CdevPin;

use super::late_line::Opened;
use crate::gpio::{Chip, Chips, LineSpec};

/// Requests the line of the output `name` in this state. The error is the reason.
pub(super) fn open(
    line: &LineSpec,
    name: &str,
    state: PinState,
) -> Result<Opened<CdevPin>, String> {
    let chips = match line.device() {
        Some(path) => Chips::at([path.into()], look),
        None => Chips::now(look),
    };
    let (chip, offset) = chips
        .find(line)
        .map_err(|missing| missing.reason().to_owned())?;
    let open = |path| gpio_cdev::Chip::new(path)?.get_line(offset);
    let line = open(&chip.path).map_err(|error| error.to_string())?;
    // The output handles active-low itself. With the kernel's flag as well, CdevPin would invert the level twice.
    let pin = line
        .request(
            LineRequestFlags::OUTPUT,
            u8::from(state == PinState::High),
            &consumer(name),
        )
        .and_then(CdevPin::new)
        .map_err(|error| {
            format!(
                "cannot take line {offset} of the chip `{}` as an output: {error}{}",
                chip.label,
                line.info().map(holder).unwrap_or_default()
            )
        })?;
    let file = File::open(&chip.path).ok();
    Ok(Opened {
        pin,
        chip: file.map(Into::into),
    })
}

/// Describes a chip. The messages of gpio_cdev's errors already include their sources.
fn look(path: &Path) -> Result<Chip, String> {
    let chip = gpio_cdev::Chip::new(path).map_err(|error| error.to_string())?;
    let name = |line: gpio_cdev::Line| {
        let info = line.info()?;
        Ok(info.name().unwrap_or_default().to_owned())
    };
    let lines: Result<_, gpio_cdev::Error> = chip.lines().map(name).collect();
    Ok(Chip {
        path: path.into(),
        name: chip.name().to_owned(),
        label: chip.label().to_owned(),
        lines: lines.map_err(|error| format!("{error} (outputs need CONFIG_GPIO_CDEV_V1)"))?,
    })
}

/// The kernel's consumer name of the line: at most 31 bytes.
fn consumer(name: &str) -> String {
    format!("{}: {name}", env!("CARGO_PKG_NAME"))
}

fn holder(info: LineInfo) -> String {
    match info.consumer() {
        Some(holder) if info.is_used() => format!(" (`{holder}` has it)"),
        _ => String::new(),
    }
}
