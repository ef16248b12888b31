// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of a configuration, with their places.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use thiserror::Error;
use toml::{Spanned, de::DeTable};

use super::conflict::Conflict;
use crate::quote::{quote, shorten};

/// Why a configuration is rejected.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not UTF-8.
    #[error("{}:{line}: not UTF-8; save the file as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first line that is not, from 1.
        line: usize,
    },
    /// Something in the file is invalid.
    #[error("{}:{line}: {key}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line of it, from 1.
        line: usize,
        /// The key, such as `stream[0].listen` or `output[0].chip`; if there is none, the text of the line.
        key: String,
        /// The problem, and what is expected.
        problem: String,
    },
}

impl ConfigError {
    /// From an error at `span` of `text`; `key` is empty if it has none.
    pub(super) fn invalid(
        path: &Path,
        text: &str,
        key: &str,
        span: Option<Range<usize>>,
        problem: &str,
    ) -> Self {
        let at = span.map_or(0, |span| span.start.min(text.len()));
        let line = line_at(text.as_bytes(), at);
        let key = match key {
            "" => {
                let line = text.lines().nth(line - 1).unwrap_or_default();
                format!("`{}`", quote(line.trim()))
            }
            _ => key.to_owned(),
        };
        Self::of(path, line, key, problem.replace('\n', ", "))
    }

    /// From a conflict in `document`, which is `text`.
    pub(super) fn conflict(
        path: &Path,
        text: &str,
        document: &Spanned<DeTable<'_>>,
        conflict: Conflict,
    ) -> Self {
        let (array, index) = conflict.element;
        let array_of = document.get_ref().get(array);
        let element = array_of.and_then(|array| array.get_ref().as_array()?.get(index));
        let at = element.map_or(0, |element| element.span().start);
        let line = line_at(text.as_bytes(), at);
        let key = format!("{array}[{index}].{}", conflict.key);
        Self::of(path, line, key, conflict.problem)
    }

    fn of(path: &Path, line: usize, mut key: String, mut problem: String) -> Self {
        shorten(&mut key);
        shorten(&mut problem);
        Self::Invalid {
            path: path.into(),
            line,
            key,
            problem,
        }
    }
}

/// Checks that there is at most one of these tables.
pub(super) fn one_of(
    path: &Path,
    text: &str,
    document: &Spanned<DeTable<'_>>,
    tables: &[&str],
) -> Result<(), ConfigError> {
    let keys = document.get_ref().keys();
    let mut there: Vec<_> = keys
        .filter(|key| tables.contains(&key.get_ref().as_ref()))
        .collect();
    there.sort_by_key(|key| key.span().start);
    let [first, second, ..] = &there[..] else {
        return Ok(());
    };
    Err(ConfigError::Invalid {
        path: path.into(),
        line: line_at(text.as_bytes(), second.span().start),
        key: second.get_ref().to_string(),
        problem: format!(
            "only one source is allowed, and there is `[{}]` already: remove one of them",
            first.get_ref()
        ),
    })
}

/// The line of `text`, from 1, that contains the byte `at`.
pub(super) fn line_at(text: &[u8], at: usize) -> usize {
    text[..at].iter().filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn long_text_is_quoted_in_part() {
        let long = "x".repeat(1 << 20);
        let digits = "9".repeat(1 << 20);
        for (text, complaint) in [
            // Invalid TOML.
            (format!("[journal]\n= '{long}'"), "agent.toml:2: `= 'xxx"),
            (format!("{long} {long}"), "agent.toml:1: `xxx"),
            // An unknown key, or an invalid value, of a table.
            (format!("{long} = 1"), "xxx…: unknown field `xxx"),
            (format!("[journal]\n{long} = 1"), "journal.xxx"),
            (
                format!("[agent]\nannounce = '{long}'"),
                "invalid type: string \"xxx",
            ),
            (
                format!("[journal]\nmemory = '{long}'"),
                "invalid type: string \"xxx",
            ),
            (
                format!("[journal]\nmemory = {digits}"),
                "invalid type: integer `999",
            ),
            (
                format!("[journal]\nsync = '{long}'"),
                "invalid value: string \"xxx",
            ),
            (format!("[log]\nlevel = '{long}'"), "expected \"off\""),
            (
                format!("[[stream]]\nlisten = '{long}'"),
                "invalid value: string \"xxx",
            ),
            (
                format!("[[output]]\nchip = 'a'\nline = 1\nfollow = {{ kind = '{long}' }}"),
                "agent.toml:4: output[0].follow",
            ),
            // An error message of the section itself.
            (
                format!("[[chord]]\nlines = ['{long}', '{long}']"),
                "twice, expected each line once",
            ),
        ] {
            let error = Config::parse("agent.toml".as_ref(), &text).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(complaint), "{error:.300}");
            assert!(error.len() < 3000, "{complaint}: {error:.300}");
        }
    }
}
