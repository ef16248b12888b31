// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs that are tests, or run tests.

use std::cell::RefCell;
use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::case::Case;
use crate::deps::host::succeeds;
use crate::store::step::{Log, children, last_lines};

/// Number of lines shown of the output of a program that timed out.
const TAIL: usize = 40;

thread_local! {
    /// The log of the phase that this thread runs.
    static LOG: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Runs `work`, whose programs write to `log`, where their progress can be seen.
pub(super) fn logged<T>(log: &Log, work: impl FnOnce() -> Result<T>) -> Result<T> {
    LOG.set(Some(log.handle()?));
    let result = work();
    LOG.set(None);
    result
}

/// Runs a program. Returns whether it succeeded, and its output: stdout and stderr in order.
pub(super) fn run(command: &mut Command) -> Result<(bool, String)> {
    run_until(command, Signal::TERM)
}

/// Like [`run`], but stops the program with `signal` when it times out or this program is killed.
pub(super) fn run_until(command: &mut Command, signal: Signal) -> Result<(bool, String)> {
    let mut file = LOG.with_borrow(|log| match log {
        Some(log) => log.try_clone(),
        None => tempfile::tempfile(),
    })?;
    let start = file.metadata()?.len();
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file.try_clone()?);
    let result = children::run(command, signal);
    let output = children::text_from(&mut file, start)?;
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
    use crate::{Paths, Progress};

    #[test]
    fn programs_of_a_phase_share_its_log_but_not_their_output() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::both_in(dir.path());
        let echo = |text: &str| run(Command::new("echo").arg(text)).unwrap();
        let outputs = Progress::default().phase(&paths, "agent: a b", |log| {
            logged(log, || Ok([echo("one"), echo("two")]))
        });
        let expected = ["one\n", "two\n"].map(|output| (true, output.to_owned()));
        assert_eq!(outputs.unwrap(), expected);
        assert_eq!(echo("three"), (true, "three\n".to_owned()));
        let log = std::fs::read_to_string(dir.path().join("log/test-agent-a-b.log"));
        assert_eq!(log.unwrap(), "one\ntwo\n");
    }

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
    fn success_passes() {
        let passed = case("true", &mut Command::new("true")).unwrap();
        assert_eq!(passed.outcome, Outcome::Passed);
    }
}
