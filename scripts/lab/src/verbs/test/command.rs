// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that are tests, or run some.

use std::fs;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::case::Case;
use crate::step::children;

/// What a program put out on both its streams, in the order in which it did, and whether it succeeded.
pub(super) fn run(command: &mut Command) -> Result<(bool, String)> {
    run_until(command, Signal::TERM)
}

/// The same for a program that `end` ends when a signal ends this one.
pub(super) fn run_until(command: &mut Command, end: Signal) -> Result<(bool, String)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut file = tempfile::tempfile().context("can't create a temporary file")?;
    let again = |file: &fs::File| file.try_clone().map(Stdio::from);
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(again(&file)?)
        .stderr(again(&file)?);
    let status = children::run(command, end)
        .with_context(|| format!("can't start {program}"))?
        .status;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok((
        status.success(),
        String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

/// Whether a program of Rust's can be run: rustup has all their names in PATH, installed or not.
pub(super) fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// A program that is a test itself: it succeeds, or what it says is why not.
pub(super) fn case(name: &str, command: &mut Command) -> Result<Case> {
    let (success, said) = run(command)?;
    Ok(if success {
        Case::passed(name)
    } else {
        Case::failed(name, said)
    })
}

#[cfg(test)]
mod tests {
    use super::super::case::Outcome;
    use super::*;

    #[test]
    fn a_failure_says_all_in_order() {
        let script = "echo one; echo two >&2; echo three; exit 3";
        let case = case("shell", Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(case.outcome, Outcome::Failed("one\ntwo\nthree\n".into()));
    }

    #[test]
    fn success_passes_and_a_missing_program_is_an_error() {
        let passed = case("true", &mut Command::new("true")).unwrap();
        assert_eq!(passed.outcome, Outcome::Passed);
        let error = case("none", &mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }
}
