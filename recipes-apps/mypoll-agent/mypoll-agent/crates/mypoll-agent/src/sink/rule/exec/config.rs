// SPDX-License-Identifier: MIT OR Apache-2.0
//! `exec = { … }`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

use super::Field;
use crate::section::{table::Table, value};

/// The program to run, and its limits.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<Argument>,
    /// Time limit, above 0, at most 365 days. Default: 10 s.
    pub timeout: Duration,
    /// Maximum number of parallel runs, 1 to 32. Default: 1.
    pub parallel: usize,
    /// Maximum number of waiting events, 1 to 10000. Default: 64.
    pub queue: usize,
}

/// A whole argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// Literal text.
    Text(String),
    /// A value from the event.
    Field(Field),
}

impl Table for Config {
    const EXPECTED: &str = r#"a table such as { command = ["/usr/bin/logger", "{label}"] }"#;
}

/// `exec` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(deserialize_with = "command")]
    command: Vec<String>,
    #[serde(default = "timeout", deserialize_with = "value::duration_above_zero")]
    timeout: Duration,
    #[serde(default = "parallel", deserialize_with = "value::whole::<_, _, 1, 32>")]
    parallel: usize,
    #[serde(default = "queue", deserialize_with = "value::whole::<_, _, 1, 10000>")]
    queue: usize,
}

const fn timeout() -> Duration {
    Duration::from_secs(10)
}

const fn parallel() -> usize {
    1
}

const fn queue() -> usize {
    64
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let mut words = keys.command.into_iter();
        let program = words.next().unwrap_or_default();
        Ok(Self {
            program: program.into(),
            arguments: words.map(Argument::parse).collect::<Result<_, _>>()?,
            timeout: keys.timeout,
            parallel: keys.parallel,
            queue: keys.queue,
        })
    }
}

/// The program and its arguments.
fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    match words.first() {
        None => Err(D::Error::custom(
            r#"the array is empty, expected one such as ["/usr/bin/logger", "{label}"]"#,
        )),
        Some(program) if !program.starts_with('/') => Err(D::Error::custom(format!(
            "`{program}` is not an absolute path, expected one such as \"/usr/bin/logger\""
        ))),
        Some(_) => match words.iter().find(|word| word.contains('\0')) {
            Some(_) => Err(D::Error::custom(
                "an argument can't contain a NUL character",
            )),
            None => Ok(words),
        },
    }
}

impl Argument {
    /// A placeholder must be a whole argument; within an argument it would be misleading.
    fn parse(text: String) -> Result<Self, String> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        if let Some(name) = inner.filter(|name| is_name(name)) {
            return Field::from_name(name).map(Self::Field).ok_or_else(|| {
                let names: Vec<_> = Field::ALL
                    .iter()
                    .map(|(name, _)| format!("{{{name}}}"))
                    .collect();
                format!(
                    "unknown placeholder `{text}`, expected one of {}",
                    names.join(", ")
                )
            });
        }
        let part = Field::ALL
            .iter()
            .find(|(name, _)| text.contains(&format!("{{{name}}}")));
        match part {
            Some((name, _)) => Err(format!(
                "`{text}` contains the placeholder {{{name}}}, but only whole arguments are replaced: \
                 make it an argument of its own, or have the program read MYPOLL_{}",
                name.to_ascii_uppercase()
            )),
            None => Ok(Self::Text(text)),
        }
    }
}
