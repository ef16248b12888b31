// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds the lines that are configured among the chips that there are.

use std::{fs, path::PathBuf};

use gpiocdev::Chip;

use super::config::{Entry, Which};
use crate::source::reason::{permissions, words};

/// A chip.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Such as `gpiochip0`.
    pub(super) name: String,
    label: String,
    /// The names of its lines, by number.
    lines: Vec<String>,
}

/// The chips, and why some can't be opened.
#[derive(Debug, Default)]
pub(super) struct Chips {
    pub(super) found: Vec<Found>,
    closed: Vec<(PathBuf, String)>,
}

impl Chips {
    /// Those that there are now. May sleep.
    pub(super) fn now() -> Self {
        let mut chips = Self::default();
        for path in gpiocdev::chip::chips().unwrap_or_default() {
            match look(path.clone()) {
                Ok(found) => chips.found.push(found),
                Err(error) => {
                    let reason = match fs::File::open(&path) {
                        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                            permissions(&path)
                        }
                        _ => format!("{}: {}", path.display(), words(&error)),
                    };
                    chips.closed.push((path, reason));
                }
            }
        }
        chips
    }

    /// The chip and the number of a line, or why there is not exactly one.
    pub(super) fn find(&self, entry: &Entry) -> Result<(&Found, u32), Missing> {
        let chips = match &entry.chip {
            Some(chip) => self.chip(chip).map(|chip| vec![chip])?,
            None => self.found.iter().collect(),
        };
        match &entry.line {
            Which::Number(number) => {
                let chip = chips[0];
                if *number as usize >= chip.lines.len() {
                    return Err(Missing::Absent(format!(
                        "{} has lines 0 to {}, not {number}",
                        chip.path.display(),
                        chip.lines.len().saturating_sub(1)
                    )));
                }
                Ok((chip, *number))
            }
            Which::Name(name) => {
                let named = chips.iter().flat_map(|chip| {
                    let lines = chip.lines.iter().zip(0..);
                    lines
                        .filter(|(line, _)| *line == name)
                        .map(|(_, number)| (*chip, number))
                });
                let places: Vec<_> = named.collect();
                match &places[..] {
                    [place] => Ok(*place),
                    [] => Err(Missing::Absent(
                        self.absent(format!("no line is named `{name}`")),
                    )),
                    _ => {
                        let places = places.iter().map(|(chip, number)| {
                            format!("line {number} of {}", chip.path.display())
                        });
                        Err(Missing::Ambiguous(format!(
                            "the name `{name}` is that of {}: give `chip` and `line`",
                            places.collect::<Vec<_>>().join(" and of ")
                        )))
                    }
                }
            }
        }
    }

    fn chip(&self, wanted: &str) -> Result<&Found, Missing> {
        if wanted.starts_with('/') {
            let path = fs::canonicalize(wanted).unwrap_or_else(|_| wanted.into());
            let reason = |(_, reason): &(PathBuf, String)| Missing::Absent(reason.clone());
            let closed = self.closed.iter().find(|(closed, _)| *closed == path);
            let found = self.found.iter().find(|chip| chip.path == path);
            return found.ok_or_else(|| {
                closed.map_or_else(
                    || Missing::Absent(format!("{wanted} is not there, or no GPIO chip")),
                    reason,
                )
            });
        }
        if let Some(chip) = self.found.iter().find(|chip| chip.name == wanted) {
            return Ok(chip);
        }
        let labelled = self.found.iter().filter(|chip| chip.label == wanted);
        let labelled: Vec<_> = labelled.collect();
        match &labelled[..] {
            [chip] => Ok(chip),
            [] => {
                let what = format!("no chip has the name or the label `{wanted}`");
                Err(Missing::Absent(self.absent(what)))
            }
            _ => {
                let paths = labelled.iter().map(|chip| chip.path.display().to_string());
                Err(Missing::Ambiguous(format!(
                    "the label `{wanted}` is that of {}: give the path of one as `chip`",
                    paths.collect::<Vec<_>>().join(" and of ")
                )))
            }
        }
    }

    /// What is not there may be on a chip that can't be opened.
    fn absent(&self, what: String) -> String {
        let reasons = self.closed.iter().map(|(_, reason)| reason.as_str());
        [what.as_str()]
            .into_iter()
            .chain(reasons)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Why a line can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is not there, or not for this user; it may come.
    Absent(String),
    /// Something else uses it, and nothing tells when that ends.
    Busy(String),
    /// There are several.
    Ambiguous(String),
}

impl Missing {
    pub(super) fn reason(&self) -> &str {
        let (Self::Absent(reason) | Self::Busy(reason) | Self::Ambiguous(reason)) = self;
        reason
    }
}

fn look(path: PathBuf) -> gpiocdev::Result<Found> {
    let chip = Chip::from_path(&path)?;
    let info = chip.info()?;
    let names = chip
        .line_info_iter()?
        .map(|info| info.map(|info| info.name));
    Ok(Found {
        path,
        name: info.name,
        label: info.label,
        lines: names.collect::<gpiocdev::Result<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        toml::from_str(text).unwrap()
    }

    fn chips() -> Chips {
        let chip = |number, label: &str, lines: [&str; 2]| Found {
            path: format!("/dev/gpiochip{number}").into(),
            name: format!("gpiochip{number}"),
            label: label.to_owned(),
            lines: lines.map(str::to_owned).into(),
        };
        Chips {
            found: vec![
                chip(0, "soc", ["GPIO0", "LED"]),
                chip(1, "expander", ["", "LED"]),
                chip(2, "expander", ["", "door"]),
            ],
            closed: Vec::new(),
        }
    }

    fn found(text: &str) -> Result<(String, u32), Missing> {
        let chips = chips();
        let (chip, number) = chips.find(&entry(text))?;
        Ok((chip.name.clone(), number))
    }

    #[test]
    fn lines_are_found_by_path_name_and_label() {
        for (text, chip, number) in [
            ("chip = '/dev/gpiochip1'\nline = 1", 1, 1),
            ("chip = 'gpiochip2'\nline = 0", 2, 0),
            ("chip = 'soc'\nname = 'LED'", 0, 1),
            ("name = 'door'", 2, 1),
        ] {
            assert_eq!(
                found(text),
                Ok((format!("gpiochip{chip}"), number)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_two_chips_share_names_both() {
        let Err(Missing::Ambiguous(reason)) = found("chip = 'expander'\nline = 0") else {
            panic!("taken");
        };
        assert!(
            reason.contains("/dev/gpiochip1 and of /dev/gpiochip2"),
            "{reason}"
        );
        let Err(Missing::Ambiguous(reason)) = found("name = 'LED'") else {
            panic!("taken");
        };
        assert!(
            reason.contains("line 1 of /dev/gpiochip0 and of line 1 of /dev/gpiochip1"),
            "{reason}"
        );
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (text, complaint) in [
            (
                "chip = '/dev/gpiochip9'\nline = 0",
                "/dev/gpiochip9 is not there",
            ),
            ("chip = 'soc'\nline = 2", "has lines 0 to 1, not 2"),
            ("chip = 'soc'\nname = 'door'", "no line is named `door`"),
            (
                "chip = 'moon'\nline = 0",
                "no chip has the name or the label `moon`",
            ),
        ] {
            let missing = found(text).unwrap_err();
            assert!(matches!(missing, Missing::Absent(_)), "{missing:?}");
            assert!(missing.reason().contains(complaint), "{missing:?}");
        }
    }
}
