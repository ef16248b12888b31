// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds configured GPIO lines on the system's chips.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    slice,
};

use crate::reason::permissions;

/// A GPIO line in the configuration. A chip is given by its device file, name or label.
#[derive(Clone, Debug, PartialEq)]
pub enum LineSpec {
    /// By its offset on a chip, from 0.
    Number(String, u32),
    /// By its name, on any chip or on one.
    Name(Option<String>, String),
}

impl LineSpec {
    /// The chip, if it is given by its device file.
    pub fn device(&self) -> Option<&Path> {
        let (Self::Number(chip, _) | Self::Name(Some(chip), _)) = self else {
            return None;
        };
        chip.starts_with('/').then(|| Path::new(chip))
    }
}

impl fmt::Display for LineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(chip, number) => write!(f, "{chip} line {number}"),
            Self::Name(Some(chip), name) => write!(f, "{chip} line {name}"),
            Self::Name(None, name) => write!(f, "line {name}"),
        }
    }
}

/// A chip that can be opened.
#[derive(Debug, Default)]
pub struct Chip {
    /// Its device file.
    pub path: PathBuf,
    /// Such as `gpiochip0`.
    pub name: String,
    /// Its driver's label for it.
    pub label: String,
    /// The names of its lines, by offset.
    pub lines: Vec<String>,
}

/// The chips, and errors of those that can't be opened.
#[derive(Debug, Default)]
pub struct Chips {
    /// The chips that can be opened.
    pub found: Vec<Chip>,
    closed: Vec<(PathBuf, String)>,
}

/// Opens and describes a chip with either version of the character device's ABI; the error is the reason.
pub type Look = fn(&Path) -> Result<Chip, String>;

impl Chips {
    /// All chips at present. May sleep.
    pub fn now(look: Look) -> Self {
        let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
        let chips = entries.filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().starts_with(b"gpiochip")
        });
        Self::at(chips.map(|entry| entry.path()), look)
    }

    /// The chips with these device files. May sleep.
    pub fn at(paths: impl IntoIterator<Item = PathBuf>, look: Look) -> Self {
        // A symbolic link, such as Raspberry Pi OS has on the Pi 5, is not a second chip.
        let paths = paths
            .into_iter()
            .map(|path| fs::canonicalize(&path).unwrap_or(path));
        let mut paths: Vec<_> = paths.collect();
        // The directory is not sorted.
        paths.sort_unstable();
        paths.dedup();
        let mut chips = Self::default();
        for path in paths {
            match look(&path) {
                Ok(chip) => chips.found.push(chip),
                Err(reason) => {
                    let reason = match fs::File::open(&path) {
                        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                            permissions(&path)
                        }
                        _ => format!("cannot open the chip {}: {reason}", path.display()),
                    };
                    chips.closed.push((path, reason));
                }
            }
        }
        chips
    }

    /// The chip and the offset of a line, or why there is not exactly one.
    ///
    /// # Errors
    ///
    /// There is none, or more than one.
    pub fn find(&self, line: &LineSpec) -> Result<(&Chip, u32), Missing> {
        match line {
            LineSpec::Number(chip, number) => {
                let chip = self.chip(chip)?;
                if *number as usize >= chip.lines.len() {
                    return Err(Missing::Absent(format!(
                        "{} has lines 0 to {}, not {number}",
                        chip.path.display(),
                        chip.lines.len().saturating_sub(1)
                    )));
                }
                Ok((chip, *number))
            }
            LineSpec::Name(chip, name) => {
                let chips = match chip {
                    Some(chip) => slice::from_ref(self.chip(chip)?),
                    None => &self.found,
                };
                let named = chips.iter().flat_map(|chip| {
                    let lines = chip.lines.iter().zip(0..);
                    lines
                        .filter(|(line, _)| *line == name)
                        .map(move |(_, number)| (chip, number))
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
                            "several lines are named `{name}`: {}; give `chip`, and the number as `line`",
                            places.collect::<Vec<_>>().join(", ")
                        )))
                    }
                }
            }
        }
    }

    fn chip(&self, wanted: &str) -> Result<&Chip, Missing> {
        if wanted.starts_with('/') {
            let path = fs::canonicalize(wanted).unwrap_or_else(|_| wanted.into());
            let reason = |(_, reason): &(PathBuf, String)| Missing::Absent(reason.clone());
            let closed = self.closed.iter().find(|(closed, _)| *closed == path);
            let found = self.found.iter().find(|chip| chip.path == path);
            return found.ok_or_else(|| {
                closed.map_or_else(
                    || Missing::Absent(format!("{wanted} is missing, or not a GPIO chip")),
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
                    "several chips have the label `{wanted}`: {}; give the path of one as `chip`",
                    paths.collect::<Vec<_>>().join(", ")
                )))
            }
        }
    }

    /// A missing line may be on a chip that can't be opened.
    fn absent(&self, what: String) -> String {
        let reasons = self.closed.iter().map(|(_, reason)| reason.as_str());
        [what.as_str()]
            .into_iter()
            .chain(reasons)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Why a line is unavailable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It does not exist, or is not accessible; that may change.
    Absent(String),
    /// Something else uses it; there is no notification of its release.
    Busy(String),
    /// More than one line matches.
    Ambiguous(String),
}

impl Missing {
    /// The reason as text.
    pub fn reason(&self) -> &str {
        let (Self::Absent(reason) | Self::Busy(reason) | Self::Ambiguous(reason)) = self;
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chips() -> Chips {
        let chip = |number, label: &str, lines: [&str; 2]| Chip {
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

    fn number(chip: &str, number: u32) -> LineSpec {
        LineSpec::Number(chip.to_owned(), number)
    }

    fn name(chip: Option<&str>, name: &str) -> LineSpec {
        LineSpec::Name(chip.map(str::to_owned), name.to_owned())
    }

    #[test]
    fn lines_are_found_by_path_name_and_label() {
        for (line, chip, number) in [
            (number("/dev/gpiochip1", 1), 1, 1),
            (number("gpiochip2", 0), 2, 0),
            (name(Some("soc"), "LED"), 0, 1),
            (name(None, "door"), 2, 1),
        ] {
            let chips = chips();
            let (found, offset) = chips.find(&line).unwrap();
            assert_eq!(
                (&found.name, offset),
                (&format!("gpiochip{chip}"), number),
                "{line}"
            );
        }
    }

    #[test]
    fn an_ambiguous_name_lists_both_chips() {
        for (line, places) in [
            (number("expander", 0), "/dev/gpiochip1, /dev/gpiochip2"),
            (
                name(None, "LED"),
                "line 1 of /dev/gpiochip0, line 1 of /dev/gpiochip1",
            ),
        ] {
            let missing = chips().find(&line).unwrap_err();
            assert!(matches!(missing, Missing::Ambiguous(_)), "{missing:?}");
            assert!(missing.reason().contains(places), "{missing:?}");
        }
    }

    #[test]
    fn missing_lines_are_explained() {
        for (line, complaint) in [
            (number("/dev/gpiochip9", 0), "/dev/gpiochip9 is missing"),
            (number("soc", 2), "has lines 0 to 1, not 2"),
            (name(Some("soc"), "door"), "no line is named `door`"),
            (
                number("moon", 0),
                "no chip has the name or the label `moon`",
            ),
        ] {
            let missing = chips().find(&line).unwrap_err();
            assert!(matches!(missing, Missing::Absent(_)), "{missing:?}");
            assert!(missing.reason().contains(complaint), "{missing:?}");
        }
    }

    #[test]
    fn every_chip_that_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["one", "two"].map(|name| folder.path().join(name));
        let chips = Chips::at(paths.clone(), |_| Err("broken".to_owned()));
        let missing = chips.find(&name(None, "door")).unwrap_err();
        let [one, two] =
            paths.map(|path| format!("cannot open the chip {}: broken", path.display()));
        assert_eq!(
            missing.reason(),
            format!("no line is named `door`; {one}; {two}")
        );
        let path = folder.path().join("one").display().to_string();
        assert_eq!(chips.find(&number(&path, 0)).unwrap_err().reason(), one);
    }
}
