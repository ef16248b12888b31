// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that are tests, or run some.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::case::Case;
use crate::deps::host::succeeds;
use crate::store::step::{children, last_lines};

/// How much of the output of a program that had to be stopped is shown.
const TAIL: usize = 40;

/// What a program put out on both its streams, in the order in which it did, and whether it succeeded.
pub(super) fn run(command: &mut Command) -> Result<(bool, String)> {
    run_until(command, Signal::TERM)
}

/// The same for a program that `end` ends when a signal ends this one.
pub(super) fn run_until(command: &mut Command, end: Signal) -> Result<(bool, String)> {
    let mut file = tempfile::tempfile()?;
    let again = |file: &fs::File| file.try_clone().map(Stdio::from);
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(again(&file)?)
        .stderr(again(&file)?);
    let ended = children::run(command, end);
    let said = children::text(&mut file)?;
    match ended {
        Ok(status) => Ok((status.success(), said)),
        Err(error) if error.is::<children::TimedOut>() => {
            let last = last_lines(&said, TAIL).join("\n");
            bail!("{error}\nThe last lines of its output:\n{last}")
        }
        Err(error) => Err(error),
    }
}

/// Whether a program of Rust's can be run: rustup has all their names in PATH, installed or not.
pub(super) fn is_there(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
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
    use std::time::Duration;

    use super::super::case::Outcome;
    use super::*;

    #[test]
    fn a_failure_says_all_in_order() {
        let script = "echo one; echo two >&2; echo three; exit 3";
        let case = case("shell", Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(case.outcome, Outcome::Failed("one\ntwo\nthree\n".into()));
    }

    #[test]
    fn a_program_that_hangs_is_reported_with_its_output() {
        let error = children::within("phase 'x'", Duration::from_secs(1), || {
            case(
                "hangs",
                Command::new("sh").args(["-c", "echo one; sleep 1000"]),
            )
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("\"echo one; sleep 1000\""), "{error}");
        assert!(error.ends_with("of its output:\none"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_ended_by_the_signal_that_it_takes() {
        let script = "trap 'kill $!; echo cleaned up; exit' INT; sleep 1000 & wait";
        let error = children::within("phase 'x'", Duration::from_secs(1), || {
            run_until(Command::new("sh").args(["-c", script]), Signal::INT)
        });
        let error = error.unwrap_err().to_string();
        assert!(error.ends_with("cleaned up"), "{error}");
    }

    #[test]
    fn success_passes_and_a_missing_program_is_an_error() {
        let passed = case("true", &mut Command::new("true")).unwrap();
        assert_eq!(passed.outcome, Outcome::Passed);
        let error = case("none", &mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }
}
