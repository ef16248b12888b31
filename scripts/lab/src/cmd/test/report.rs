// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test report: a line for each phase, all details of failures, and the totals.

use std::fmt::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use super::case::{Case, Outcome};

/// The text to print when a phase has ended.
pub(super) fn of_phase(phase: &str, cases: &[Case], duration: Duration) -> String {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let mut details = String::new();
    for Case { name, outcome } in cases {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped(_) => skipped += 1,
            Outcome::Failed(reason) => {
                failed += 1;
                let _ = write!(details, "\nFAILED {phase}: {name}");
                for line in reason.trim_end().lines() {
                    let _ = write!(details, "\n  | {line}");
                }
            }
        }
    }
    format!(
        "{phase}: {passed} passed, {failed} failed, {skipped} skipped ({:.1} s){details}",
        duration.as_secs_f32(),
    )
}

/// The results of all phases so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    passed: usize,
    failed: Vec<String>,
    /// Name and reason.
    skipped: Vec<(String, String)>,
}

impl Report {
    /// Counts a phase's tests.
    pub(super) fn add(&mut self, phase: &str, cases: Vec<Case>) {
        for Case { name, outcome } in cases {
            let name = format!("{phase}: {name}");
            match outcome {
                Outcome::Passed => self.passed += 1,
                Outcome::Skipped(reason) => self.skipped.push((name, reason)),
                Outcome::Failed(_) => self.failed.push(name),
            }
        }
    }

    /// 0 only when nothing failed.
    pub(super) fn exit_code(&self) -> ExitCode {
        if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, reason) in &self.skipped {
            writeln!(f, "skipped {name}: {reason}")?;
        }
        for name in &self.failed {
            writeln!(f, "failed {name}")?;
        }
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_are_the_last_line() {
        let mut report = Report::default();
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
        report.add("lab: tests", cases);
        report.add(
            "debug: selftest",
            vec![Case::skipped("all of it", "--only")],
        );
        assert_eq!(
            report.to_string(),
            "skipped lab: tests: three: no shellcheck\n\
             skipped debug: selftest: all of it: --only\n\
             failed lab: tests: two\n\
             1 passed, 1 failed, 2 skipped"
        );
        assert_eq!(report.exit_code(), ExitCode::FAILURE);
    }
}
