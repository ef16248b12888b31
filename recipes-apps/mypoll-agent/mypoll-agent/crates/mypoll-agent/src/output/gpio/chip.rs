// SPDX-License-Identifier: MIT OR Apache-2.0
//! A GPIO chip by its device file or its label.

use std::{fs, path::Path};

use super::OpenError;
use crate::config::Chip;

pub(super) fn open(chip: &Chip) -> Result<gpio_cdev::Chip, OpenError> {
    match chip {
        Chip::Path(path) => gpio_cdev::Chip::new(path).map_err(|error| OpenError::Chip {
            path: path.clone(),
            error,
        }),
        Chip::Label(label) => labelled(label, "/dev".as_ref()),
    }
}

/// Looks for the label among the chips with device files in `directory`. One that can't be opened hides no other.
fn labelled(label: &str, directory: &Path) -> Result<gpio_cdev::Chip, OpenError> {
    let mut labels = Vec::new();
    let mut failures = Vec::new();
    for entry in fs::read_dir(directory).map_err(OpenError::Chips)? {
        let entry = entry.map_err(OpenError::Chips)?;
        if !entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(b"gpiochip")
        {
            continue;
        }
        match gpio_cdev::Chip::new(entry.path()) {
            Ok(chip) if chip.label() == label => return Ok(chip),
            Ok(chip) => labels.push(chip.label().to_owned()),
            Err(error) => failures.push(format!("{} ({error})", entry.path().display())),
        }
    }
    // The directory has them in any order.
    labels.sort_unstable();
    failures.sort_unstable();
    let mut there_are = labels.join(", ");
    if labels.is_empty() {
        there_are += "none";
    }
    if !failures.is_empty() {
        there_are += "; these can't be opened: ";
        there_are += &failures.join(", ");
    }
    Err(OpenError::NoChip {
        label: label.to_owned(),
        there_are,
    })
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
        let error = labelled("leds", directory.path()).unwrap_err().to_string();
        assert_eq!(
            error,
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
        assert_eq!(
            labelled("leds", directory.path()).unwrap_err().to_string(),
            "no GPIO chip is labelled `leds`; there are: none"
        );
    }
}
