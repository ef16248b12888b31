// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs tests on the host with cargo-nextest, and tests of a whole system with `cargo test`.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::logs::Logs;
use super::{Lab, command, junit};
use crate::deps::python;

/// Runs the tests of a workspace. `cargo` has the folder and environment; `arguments` are `nextest run` and options.
pub(super) fn run(lab: &Lab<'_>, mut cargo: Command, arguments: &[&str]) -> Result<Vec<Case>> {
    // A missing nextest is an error, not a skip: nothing would be tested.
    let requirements = "scripts/lab/cargo-nextest.txt";
    let bin = python::require(lab.cache(), "cargo-nextest", requirements)?.join("bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin].into_iter().chain(env::split_paths(&path)))?;
    // nextest would write its report into the source tree.
    let work = tempfile::tempdir()?;
    let config = work.path().join("nextest.toml");
    let own = fs::read_to_string(lab.paths.repo.join(".config/nextest.toml"))?;
    let store = work.path().join("store");
    fs::write(&config, format!("{own}\n[store]\ndir = {store:?}\n"))?;
    let report = store.join("default/junit.xml");
    cargo
        .args(arguments)
        .args(["--locked", "--config-file"])
        .arg(&config)
        .env("PATH", path);
    let (success, output) = command::run(&mut cargo)?;
    junit::read(&report, success, &output)
}

/// Runs the tests in `tests/` with `cargo test`, since those of a file share a machine, and so a process. `change` adds
/// arguments and environment.
pub(super) fn system_tests(lab: &Lab<'_>, change: impl FnOnce(&mut Command)) -> Result<Vec<Case>> {
    let logs = Logs::new()?;
    let mut test = lab.cargo("scripts/lab", "target");
    logs.keep(&mut test)
        .args(["test", "--locked", "--package=system-tests"]);
    change(&mut test);
    let (success, output) = command::run(&mut test)?;
    let mut cases = cases(success, &output);
    cases.extend(logs.cases()?);
    Ok(cases)
}

/// The tests in lines like `test button ... ok`. Adds a failure if the run failed without a failed test, or had none.
fn cases(success: bool, output: &str) -> Vec<Case> {
    let verdict = |line: &str| {
        let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
        Some(match result.split_once(", ").unwrap_or((result, "")) {
            ("ok", _) => Case::passed(name),
            ("ignored", reason) => Case::skipped(name, reason),
            _ => Case::failed(name, panic_of(name, output)),
        })
    };
    let mut cases: Vec<_> = output.lines().filter_map(verdict).collect();
    if cases.is_empty() || !success && !cases.iter().any(Case::has_failed) {
        cases.push(Case::failed("cargo test", output));
    }
    cases
}

/// The text below `---- NAME stdout ----`.
fn panic_of<'a>(name: &str, output: &'a str) -> &'a str {
    let (_, details) = output
        .split_once(&format!("\n---- {name} stdout ----\n"))
        .unwrap_or(("", output));
    let end = details.find("\n---- ").or(details.find("\nfailures:\n"));
    details[..end.unwrap_or(details.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
running 3 tests
test button ... ok
test door ... FAILED
test board ... ignored, needs one

failures:

---- door stdout ----

thread 'door' panicked at tests/presses.rs:19:45:
nothing came

failures:
    door

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.00s
";

    #[test]
    fn every_test_is_counted() {
        let why = "thread 'door' panicked at tests/presses.rs:19:45:\nnothing came";
        let expected = [
            Case::passed("button"),
            Case::failed("door", why),
            Case::skipped("board", "needs one"),
        ];
        assert_eq!(cases(false, RUN), expected);
    }

    #[test]
    fn a_run_without_tests_or_with_another_error_has_failed() {
        let crashed = "test one ... ok\nerror: process didn't exit successfully (signal: 9)";
        for (success, output) in [(false, crashed), (false, "error[E0425]"), (true, "")] {
            let expected = Case::failed("cargo test", output);
            assert_eq!(cases(success, output).last(), Some(&expected));
        }
    }
}
