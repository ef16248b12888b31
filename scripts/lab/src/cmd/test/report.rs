// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test report: a line for each phase, all details of failures, and the totals.

use std::fmt::Write as _;
use std::time::Duration;

use super::case::{Case, Outcome};

/// The text to print when a phase has ended.
pub(super) fn of_phase(phase: &str, cases: &[Case], duration: Duration) -> String {
    let totals = totals(cases.iter());
    let mut text = format!("{phase}: {totals} ({:.1} s)", duration.as_secs_f32());
    for Case { name, outcome } in cases {
        if let Outcome::Failed(reason) = outcome {
            let _ = write!(text, "\nFAILED {phase}: {name}");
            for line in reason.trim_end().lines() {
                let _ = write!(text, "\n  | {line}");
            }
        }
    }
    text
}

/// The text to print at the end: the skipped and the failed tests of all phases, and the totals.
pub(super) fn of_run(phases: &[(&str, Vec<Case>)]) -> String {
    let (mut skipped, mut failed) = (String::new(), String::new());
    for (phase, cases) in phases {
        for Case { name, outcome } in cases {
            let _ = match outcome {
                Outcome::Passed => Ok(()),
                Outcome::Skipped(reason) => writeln!(skipped, "skipped {phase}: {name}: {reason}"),
                Outcome::Failed(_) => writeln!(failed, "failed {phase}: {name}"),
            };
        }
    }
    let totals = totals(phases.iter().flat_map(|(_, cases)| cases));
    format!("{skipped}{failed}{totals}")
}

fn totals<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for case in cases {
        match case.outcome {
            Outcome::Passed => passed += 1,
            Outcome::Failed(_) => failed += 1,
            Outcome::Skipped(_) => skipped += 1,
        }
    }
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_are_the_last_line() {
        let cases = vec![
            Case::passed("one"),
            Case::failed("two", "left: 1\nright: 2\n"),
            Case::skipped("three", "no shellcheck"),
        ];
        assert_eq!(
            of_phase("lab: tests", &cases, Duration::from_millis(1500)),
            "lab: tests: 1 passed, 1 failed, 1 skipped (1.5 s)\n\
             FAILED lab: tests: two\n  | left: 1\n  | right: 2"
        );
        let skipped = vec![Case::skipped("all of it", "--only")];
        assert_eq!(
            of_run(&[("lab: tests", cases), ("debug: selftest", skipped)]),
            "skipped lab: tests: three: no shellcheck\n\
             skipped debug: selftest: all of it: --only\n\
             failed lab: tests: two\n\
             1 passed, 1 failed, 2 skipped"
        );
    }
}
