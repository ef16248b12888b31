// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests in Python, by its own unittest.

use std::iter;
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;

use super::case::Case;
use super::{Lab, command};

/// Runs the tests in `folder` by `python`, which find their modules in `path`; both are in the repository.
pub(super) fn run(
    lab: &Lab<'_>,
    python: &mut Command,
    folder: &str,
    path: &str,
) -> Result<Vec<Case>> {
    python
        // A test that SIGINT ends still cleans up: loop devices, mounts.
        .args(["-m", "unittest", "discover", "--verbose", "--catch"])
        .args(["--start-directory", folder])
        .current_dir(&lab.paths.repo)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", path);
    let (success, said) = command::run_until(python, Signal::INT)?;
    Ok(cases(success, &said))
}

/// Between a test and its result.
const SEPARATOR: &str = " ... ";

/// The tests in lines like `test_empty (test_cargo_lock.Crates.test_empty) ... ok`. What a test prints itself stands between
/// its name and its result.
fn cases(success: bool, said: &str) -> Vec<Case> {
    let lines: Vec<_> = said.lines().collect();
    let mut cases: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(number, line)| {
            let (test, rest) = line.rsplit_once(SEPARATOR)?;
            let name = test.split_once('(')?.1.trim_end_matches(')');
            let printed = lines[number + 1..].iter().copied();
            let result = iter::once(rest)
                .chain(printed.take_while(|line| !line.contains(SEPARATOR)))
                .map(|line| line.split_once(' ').unwrap_or((line, "")))
                .find(|(word, _)| ["ok", "skipped", "FAIL", "ERROR"].contains(word));
            Some(match result {
                Some(("ok", _)) => Case::passed(name),
                Some(("skipped", reason)) => Case::skipped(name, reason.trim_matches('\'')),
                _ => Case::failed(name, said),
            })
        })
        .collect();
    let failed = cases.iter().any(Case::has_failed);
    if cases.is_empty() || !success && !failed {
        cases.push(Case::failed("unittest", said));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
test_crates (test_cargo_lock.Crates.test_crates) ... ok
test_dt (test_schema.Binding.test_dt) ... skipped 'no dtschema'
";

    #[test]
    fn every_test_is_counted() {
        let expected = [
            Case::passed("test_cargo_lock.Crates.test_crates"),
            Case::skipped("test_schema.Binding.test_dt", "no dtschema"),
        ];
        assert_eq!(cases(true, RUN), expected);
    }

    #[test]
    fn what_a_test_prints_is_not_its_result() {
        let said = "\
test_cuts (test_power_cuts.PowerCuts.test_cuts) ... power cuts: SEED=1
power cuts: booted
ok
test_dead (test_power_cuts.PowerCuts.test_dead) ... power cuts: SEED=2
test_alive (test_power_cuts.PowerCuts.test_alive) ... ok
";
        let expected = [
            Case::passed("test_power_cuts.PowerCuts.test_cuts"),
            Case::failed("test_power_cuts.PowerCuts.test_dead", said),
            Case::passed("test_power_cuts.PowerCuts.test_alive"),
        ];
        assert_eq!(cases(false, said), expected);
    }

    #[test]
    fn failures_have_failed() {
        let said = "test_crates (test_cargo_lock.Crates.test_crates) ... FAIL\nAssertionError";
        let expected = [Case::failed("test_cargo_lock.Crates.test_crates", said)];
        assert_eq!(cases(false, said), expected);
    }

    #[test]
    fn tests_that_can_not_start_have_failed() {
        assert!(cases(false, "ImportError").iter().any(Case::has_failed));
        assert!(
            cases(true, "Ran 0 tests in 0.000s")
                .iter()
                .any(Case::has_failed)
        );
        assert!(cases(false, RUN).iter().any(Case::has_failed));
    }
}
