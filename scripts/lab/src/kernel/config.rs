// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check after configuring: what a fragment asks for has to be in the result.
//!
//! Kconfig drops an option whose dependencies aren't met without a word. A kernel that lacks one boots all the same, and
//! fails later, far from the cause.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use thiserror::Error;

/// A file of options.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Its name without `.cfg`.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl Fragment {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        Ok(Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            text,
        })
    }
}

/// One option that came out otherwise than it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    option: String,
    fragment: String,
    asked: String,
    came: String,
    hints: Vec<&'static str>,
}

impl Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            option,
            fragment,
            asked,
            came,
            hints,
        } = self;
        write!(
            f,
            "{option}: {fragment}.cfg asks for {asked}, the result has {came}"
        )?;
        hints.iter().try_for_each(|hint| write!(f, "\n    {hint}"))
    }
}

/// The configuration is not what the fragments ask for.
#[derive(Debug, Error)]
#[error("the kernel's configuration lacks what was asked for{}", list(.0))]
pub struct ConfigLost(pub Vec<Lost>);

fn list(lost: &[Lost]) -> String {
    lost.iter().map(|lost| format!("\n  {lost}")).collect()
}

/// What an option that is off, or unknown, reads as.
const OFF: &str = "n";

/// Compares a finished configuration with the fragments. Of two that name the same option, the later one counts.
pub fn check(fragments: &[Fragment], result: &str) -> Result<(), ConfigLost> {
    let result = parse(result);
    let asked: BTreeMap<_, _> = fragments
        .iter()
        .flat_map(|fragment| {
            parse(&fragment.text)
                .into_iter()
                .map(|(option, value)| (option, (value, &fragment.name)))
        })
        .collect();
    let lost: Vec<_> = asked
        .into_iter()
        .filter_map(|(option, (value, fragment))| {
            let came = result.get(option).copied().unwrap_or(OFF);
            (came != value).then(|| Lost {
                option: option.to_owned(),
                fragment: fragment.clone(),
                asked: value.to_owned(),
                came: came.to_owned(),
                hints: if option == "CONFIG_RUST" {
                    why_no_rust(&result)
                } else {
                    Vec::new()
                },
            })
        })
        .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(ConfigLost(lost))
    }
}

/// A configuration with a fragment's options in place of its own, for a Kconfig that takes no fragments.
pub fn apply(config: &str, fragment: &str) -> String {
    let changed = parse(fragment);
    let own = config.lines().filter(|line| {
        parse(line)
            .keys()
            .all(|option| !changed.contains_key(option))
    });
    own.chain(fragment.lines())
        .map(|line| format!("{line}\n"))
        .collect()
}

/// What init/Kconfig lets RUST depend on and is not as it has to be.
fn why_no_rust(config: &BTreeMap<&str, &str>) -> Vec<&'static str> {
    let on = |option: &str| config.get(option).is_some_and(|&value| value != OFF);
    [
        (
            !on("CONFIG_RUST_IS_AVAILABLE"),
            "RUST_IS_AVAILABLE is off: 'make LLVM=1 rustavailable' says what is missing",
        ),
        (
            on("CONFIG_MODVERSIONS") && !on("CONFIG_GENDWARFKSYMS"),
            "MODVERSIONS is on: turn it off, or GENDWARFKSYMS on",
        ),
        (on("CONFIG_RANDSTRUCT"), "RANDSTRUCT is on: choose RANDSTRUCT_NONE"),
        (
            on("CONFIG_DEBUG_INFO_BTF") && !on("CONFIG_PAHOLE_HAS_LANG_EXCLUDE"),
            "DEBUG_INFO_BTF is on with a pahole older than 1.24: turn it off, or take a newer pahole",
        ),
        (on("CONFIG_DEBUG_INFO_BTF") && on("CONFIG_LTO"), "DEBUG_INFO_BTF and LTO are both on: turn one off"),
    ]
    .into_iter()
    .filter_map(|(is_so, hint)| is_so.then_some(hint))
    .collect()
}

/// `CONFIG_X=value` and `# CONFIG_X is not set`; other lines are comments.
fn parse(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .map(str::trim_end)
        .filter_map(|line| {
            match line
                .strip_prefix("# ")
                .and_then(|line| line.strip_suffix(" is not set"))
            {
                Some(option) => Some((option, OFF)),
                None => line.split_once('='),
            }
        })
        .filter(|(option, _)| option.starts_with("CONFIG_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(name: &str, text: &str) -> Fragment {
        Fragment {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    fn message(fragments: &[Fragment], result: &str) -> String {
        check(fragments, result).unwrap_err().to_string()
    }

    const RUST_FINE: &str = "CONFIG_RUST_IS_AVAILABLE=y\n";

    #[test]
    fn what_was_asked_for_passes() {
        let fragments = [
            fragment(
                "base",
                "# A comment = none\nCONFIG_SMP=y\nCONFIG_LOCALVERSION=\"-mypoll\"\n",
            ),
            fragment(
                "gpio",
                "CONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n# CONFIG_UNKNOWN is not set\n",
            ),
        ];
        let result = "CONFIG_SMP=y\nCONFIG_LOCALVERSION=\"-mypoll\"\nCONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n";
        check(&fragments, result).unwrap();
    }

    #[test]
    fn every_kind_of_value_is_compared() {
        for (asked, came, value) in [
            ("CONFIG_X=y", "", "n"),
            ("CONFIG_X=y", "# CONFIG_X is not set", "n"),
            ("CONFIG_X=m", "CONFIG_X=y", "y"),
            ("CONFIG_X=8", "CONFIG_X=64", "64"),
            ("CONFIG_X=\"-mypoll\"", "CONFIG_X=\"\"", "\"\""),
            ("# CONFIG_X is not set", "CONFIG_X=y", "y"),
        ] {
            let message = message(&[fragment("base", asked)], came);
            assert!(
                message.contains("CONFIG_X: base.cfg asks for "),
                "{message}"
            );
            assert!(
                message.ends_with(&format!("the result has {value}")),
                "{message}"
            );
        }
    }

    #[test]
    fn the_later_fragment_counts() {
        let fragments = [
            fragment("base", "CONFIG_X=y\n"),
            fragment("debug", "# CONFIG_X is not set\n"),
        ];
        check(&fragments, "").unwrap();
        assert!(message(&fragments, "CONFIG_X=y").contains("debug.cfg asks for n"));
    }

    #[test]
    fn a_fragment_replaces_options() {
        let config = "CONFIG_TC=y\n# CONFIG_STATIC is not set\nCONFIG_ASH=y\n";
        let result = apply(config, "# CONFIG_TC is not set\nCONFIG_STATIC=y\n");
        assert_eq!(
            result,
            "CONFIG_ASH=y\n# CONFIG_TC is not set\nCONFIG_STATIC=y\n"
        );
    }

    #[test]
    fn all_that_was_lost_is_named() {
        let message = message(&[fragment("base", "CONFIG_X=y\nCONFIG_Y=m\n")], "");
        assert!(
            message.contains("CONFIG_X:") && message.contains("CONFIG_Y:"),
            "{message}"
        );
    }

    #[test]
    fn a_dropped_rust_comes_with_the_culprit_that_is_on() {
        let fragments = [fragment("rust", "CONFIG_RUST=y\n")];
        for (result, culprit) in [
            ("CONFIG_MODVERSIONS=y\n", "MODVERSIONS is on"),
            ("CONFIG_RANDSTRUCT=y\n", "RANDSTRUCT is on"),
            (
                "CONFIG_DEBUG_INFO_BTF=y\n",
                "DEBUG_INFO_BTF is on with a pahole",
            ),
            (
                "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_PAHOLE_HAS_LANG_EXCLUDE=y\nCONFIG_LTO=y\n",
                "DEBUG_INFO_BTF and LTO",
            ),
        ] {
            let message = message(&fragments, &format!("{RUST_FINE}{result}"));
            assert!(
                message.contains("CONFIG_RUST: rust.cfg asks for y, the result has n"),
                "{message}"
            );
            assert!(message.contains(culprit), "{message}");
            assert_eq!(
                message.lines().count(),
                3,
                "only the culprit is named: {message}"
            );
        }
        assert!(message(&fragments, "").contains("RUST_IS_AVAILABLE is off"));
        let fine = format!("{RUST_FINE}CONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y\n");
        assert!(!message(&fragments, &fine).contains("MODVERSIONS is on"));
    }
}
