// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures that others are compared with, which the repository keeps.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::goals::OURS;
use crate::System;

/// What a figure of ours may grow by unnoticed, in percent. Two runs of one build differ by less than 1 %.
const TOLERANCE: f64 = 2.0;

/// What was measured with which kernel. The figures of several kernels or compilers can't be compared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    #[serde(flatten)]
    build: Build,
    /// By interface and name.
    figures: BTreeMap<String, BTreeMap<String, f64>>,
}

/// What the driver was built with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Build {
    kernel: String,
    rustc: String,
    cc: String,
}

impl Build {
    /// Reads it from the kernel's configuration.
    pub(super) fn of(system: &System) -> Result<Self> {
        let path = system.image.with_file_name("config");
        let config =
            fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&system.version, &config)
            .with_context(|| format!("{} names no compiler", path.display()))
    }

    pub(super) fn parse(kernel: &str, config: &str) -> Option<Self> {
        let value = |option: &str| {
            config.lines().find_map(|line| {
                let value = line.strip_prefix(option)?.strip_prefix("=\"")?;
                Some(value.strip_suffix('"')?.to_owned())
            })
        };
        Some(Self {
            kernel: kernel.to_owned(),
            rustc: value("CONFIG_RUSTC_VERSION_TEXT")?,
            cc: value("CONFIG_CC_VERSION_TEXT")?,
        })
    }
}

impl Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linux {}, {}, {}", self.kernel, self.rustc, self.cc)
    }
}

/// Where it is kept.
pub(super) fn path(repo: &Path) -> PathBuf {
    repo.join("tests/bench/reference.json")
}

impl Reference {
    pub(super) fn new(build: Build, figures: &Figures) -> Self {
        Self {
            build,
            figures: figures.values(),
        }
    }

    /// Reads it; `None` where none was saved.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .with_context(|| format!("{} is no reference", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("can't read {}", path.display())),
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("can't write {}", path.display()))
    }

    /// What it says about another build than `build`.
    pub(super) fn note(&self, build: &Build) -> String {
        if self.build == *build {
            format!("Reference: {}", self.build)
        } else {
            format!(
                "Reference: {}; this is {build}: a change may be the kernel's or the compiler's",
                self.build
            )
        }
    }

    /// How a figure of ours has changed, if both were measured.
    pub(super) fn change(&self, figures: &Figures, figure: &str) -> Option<Change> {
        Some(Change {
            before: *self.figures.get(OURS)?.get(figure)?,
            now: figures.value(OURS, figure)?,
        })
    }

    /// The figures of ours that are worse than the tolerance, which is all that is said about each.
    pub(super) fn worse(&self, figures: &Figures) -> Vec<String> {
        let ours = self.figures.get(OURS).into_iter().flatten();
        ours.filter_map(|(name, _)| {
            let change = self.change(figures, name)?;
            change.is_worse().then(|| {
                format!(
                    "{name}: {} in place of {}, {change}",
                    change.now, change.before
                )
            })
        })
        .collect()
    }
}

/// Two values of a figure. The smaller one is the better one, whatever the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    before: f64,
    now: f64,
}

impl Change {
    /// 0 where both are 0; infinite where only the first one was.
    fn percent(self) -> f64 {
        if self.now == self.before {
            return 0.0;
        }
        (self.now / self.before - 1.0) * 100.0
    }

    fn is_worse(self) -> bool {
        self.percent() > TOLERANCE
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded as a whole.
        f.pad(&format!("{:+.1} %", self.percent()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "CONFIG_CC_VERSION_TEXT=\"clang version 19\"\n\
                          CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.95.0\"\n";

    fn build(kernel: &str) -> Build {
        Build::parse(kernel, CONFIG).unwrap()
    }

    fn figures(values: &[(&str, f64)]) -> Figures {
        let lines = values.iter().map(|(figure, value)| {
            format!("{{\"interface\":\"mypoll\",\"figure\":\"{figure}\",\"value\":{value}}}\n")
        });
        Figures::parse(&lines.collect::<String>()).unwrap()
    }

    #[test]
    fn only_what_is_worse_by_more_than_the_tolerance_is_named() {
        let before = figures(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("lost", 0.0)]);
        let now = figures(&[
            ("a", 103.0),
            ("b", 101.9),
            ("c", 50.0),
            ("lost", 0.0),
            ("new", 1.0),
        ]);
        let reference = Reference::new(build("6.18.15"), &before);
        assert_eq!(reference.worse(&now), ["a: 103 in place of 100, +3.0 %"]);
        let lost = figures(&[("lost", 1.0)]);
        assert_eq!(reference.worse(&lost), ["lost: 1 in place of 0, +inf %"]);
        assert_eq!(reference.change(&now, "new"), None);
        let better = reference.change(&now, "c").unwrap();
        assert_eq!(format!("{better:>10}"), "   -50.0 %");
    }

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reference.json");
        assert_eq!(Reference::read(&path).unwrap(), None);
        let reference = Reference::new(build("6.18.15"), &figures(&[("a", 1.5)]));
        reference.write(&path).unwrap();
        assert_eq!(Reference::read(&path).unwrap(), Some(reference));
        fs::write(&path, "{}").unwrap();
        Reference::read(&path).unwrap_err();
    }

    #[test]
    fn another_kernel_is_named() {
        let reference = Reference::new(build("6.18.15"), &figures(&[]));
        assert_eq!(
            reference.note(&build("6.18.15")),
            "Reference: Linux 6.18.15, rustc 1.95.0, clang version 19"
        );
        let other = reference.note(&build("6.18.12"));
        assert!(other.contains("this is Linux 6.18.12, "), "{other}");
        assert_eq!(Build::parse("6.18.15", "CONFIG_X=y\n"), None);
    }

    #[test]
    fn the_repository_s_own_can_be_read() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Reference::read(&path(&repo)).unwrap();
    }
}
