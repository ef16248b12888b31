// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs that are tests, or run tests.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::case::Case;
use crate::deps::host::succeeds;
use crate::store::step::{children, last_lines};

/// Number of lines shown of the output of a program that timed out.
const TAIL: usize = 40;

/// Runs a program. Returns whether it succeeded, and its output: stdout and stderr in order.
pub(super) fn run(command: &mut Command) -> Result<(bool, String)> {
    run_until(command, Signal::TERM)
}

/// Like [`run`], but stops the program with `signal` when it times out or this program is killed.
pub(super) fn run_until(command: &mut Command, signal: Signal) -> Result<(bool, String)> {
    let mut file = tempfile::tempfile()?;
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file.try_clone()?);
    let result = children::run(command, signal);
    let output = children::text(&mut file)?;
    match result {
        Ok(status) => Ok((status.success(), output)),
        Err(error) if error.is::<children::TimedOut>() => {
            let last = last_lines(&output, TAIL).join("\n");
            bail!("{error}\nThe last lines of its output:\n{last}")
        }
        Err(error) => Err(error),
    }
}

/// Whether a program of a Rust toolchain works: rustup has proxies in PATH even for components that are not installed.
pub(super) fn is_installed(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
}

/// Runs a program that is a test by itself. Its output is the reason of a failure.
pub(super) fn case(name: &str, command: &mut Command) -> Result<Case> {
    let (success, output) = run(command)?;
    Ok(if success {
        Case::passed(name)
    } else {
        Case::failed(name, output)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::case::Outcome;
    use super::*;

    #[test]
    fn a_failure_has_the_whole_output_in_order() {
        let script = "echo one; echo two >&2; echo three; exit 3";
        let case = case("shell", Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(case.outcome, Outcome::Failed("one\ntwo\nthree\n".into()));
    }

    #[test]
    fn a_hanging_program_is_reported_with_its_output() {
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
    fn a_hanging_program_is_stopped_with_the_given_signal() {
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
