// SPDX-License-Identifier: MIT OR Apache-2.0
//! A GPIO line by its number or name, on a chip by its device file or label.

use std::{fs, path::Path};

use gpio_cdev::Chip;

use super::OpenError;
use crate::sink::output::config::{self, Line};

/// The line, and its chip.
pub(super) fn line(line: &Line) -> Result<(Chip, gpio_cdev::Line), OpenError> {
    match line {
        Line::Number(chip, number) => numbered(chip_of(chip)?, *number),
        Line::Name(Some(chip), name) => {
            let chip = chip_of(chip)?;
            let among = format!("the chip `{}`", chip.label());
            named(name, vec![chip], among)
        }
        Line::Name(None, name) => {
            let Chips { chips, failures } = Chips::of("/dev".as_ref())?;
            let among = match failures.as_slice() {
                [] => "any chip".to_owned(),
                failures => format!("any chip that can be opened (not: {})", failures.join(", ")),
            };
            named(name, chips, among)
        }
    }
}

fn numbered(mut chip: Chip, line: u32) -> Result<(Chip, gpio_cdev::Line), OpenError> {
    match chip.get_line(line) {
        Ok(line) => Ok((chip, line)),
        Err(_) => Err(OpenError::NoLine {
            chip: chip.label().to_owned(),
            lines: chip.num_lines(),
            line,
        }),
    }
}

fn named(
    name: &str,
    chips: Vec<Chip>,
    among: String,
) -> Result<(Chip, gpio_cdev::Line), OpenError> {
    let lines = chips.iter().flat_map(Chip::lines);
    let mut found: Vec<_> = lines
        .filter(|line| line.info().is_ok_and(|info| info.name() == Some(name)))
        .collect();
    match (found.pop(), found.as_slice()) {
        (None, _) => Err(OpenError::NoName {
            name: name.to_owned(),
            among,
        }),
        (Some(line), []) => Ok((line.chip(), line)),
        (Some(last), _) => {
            found.push(last);
            let lines: Vec<_> = found
                .iter()
                .map(|line| format!("{} line {}", line.chip().path().display(), line.offset()))
                .collect();
            Err(OpenError::SharedName {
                name: name.to_owned(),
                lines: lines.join(" and "),
            })
        }
    }
}

fn chip_of(chip: &config::Chip) -> Result<Chip, OpenError> {
    match chip {
        config::Chip::Path(path) => Chip::new(path).map_err(|error| OpenError::Chip {
            path: path.clone(),
            error,
        }),
        config::Chip::Label(label) => Chips::of("/dev".as_ref())?.labelled(label),
    }
}

/// All chips, and the device files that can't be opened, with the reason.
struct Chips {
    chips: Vec<Chip>,
    failures: Vec<String>,
}

impl Chips {
    /// Those with device files in `directory`. One that can't be opened hides no other.
    fn of(directory: &Path) -> Result<Self, OpenError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(OpenError::Chips)? {
            let entry = entry.map_err(OpenError::Chips)?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b"gpiochip") {
                paths.push(entry.path());
            }
        }
        // The directory has them in any order.
        paths.sort_unstable();
        let mut chips: Vec<Chip> = Vec::new();
        let mut failures = Vec::new();
        for path in paths {
            match Chip::new(&path) {
                // A link, as Raspberry Pi OS has one for the Pi 5, makes no second chip.
                Ok(chip) if chips.iter().any(|other| other.name() == chip.name()) => {}
                Ok(chip) => chips.push(chip),
                Err(error) => failures.push(format!("{} ({error})", path.display())),
            }
        }
        Ok(Self { chips, failures })
    }

    fn labelled(self, label: &str) -> Result<Chip, OpenError> {
        let (mut found, others): (Vec<_>, Vec<_>) = self
            .chips
            .into_iter()
            .partition(|chip| chip.label() == label);
        if found.len() > 1 {
            let chips: Vec<_> = found
                .iter()
                .map(|chip| chip.path().display().to_string())
                .collect();
            return Err(OpenError::SharedLabel {
                label: label.to_owned(),
                chips: chips.join(" and "),
            });
        }
        if let Some(chip) = found.pop() {
            return Ok(chip);
        }
        let mut labels: Vec<_> = others.iter().map(Chip::label).collect();
        labels.sort_unstable();
        let mut there_are = labels.join(", ");
        if labels.is_empty() {
            there_are += "none";
        }
        if !self.failures.is_empty() {
            there_are += "; these can't be opened: ";
            there_are += &self.failures.join(", ");
        }
        Err(OpenError::NoChip {
            label: label.to_owned(),
            there_are,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chip_that_can_not_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::write(path("gpiochip1"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", path("gpiochip0")).unwrap();
        fs::write(path("tty0"), "").unwrap();
        let chips = Chips::of(directory.path()).unwrap();
        assert_eq!(
            chips.labelled("leds").unwrap_err().to_string(),
            format!(
                "no GPIO chip is labelled `leds`; there are: none; these can't be opened: \
                 {} (No such file or directory (os error 2)), \
                 {} (Ioctl to get chip info failed: ENOTTY: Not a typewriter)",
                path("gpiochip0").display(),
                path("gpiochip1").display()
            )
        );
    }

    #[test]
    fn without_chips_there_are_none() {
        let directory = tempfile::tempdir().unwrap();
        let chips = Chips::of(directory.path()).unwrap();
        assert_eq!(
            chips.labelled("leds").unwrap_err().to_string(),
            "no GPIO chip is labelled `leds`; there are: none"
        );
        let nothing = named("GPIO27", Vec::new(), "any chip".to_owned());
        assert_eq!(
            nothing.unwrap_err().to_string(),
            "no GPIO line of any chip is named `GPIO27` (`gpioinfo` lists them)"
        );
    }
}
