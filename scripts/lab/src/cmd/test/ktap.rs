// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads KTAP (Documentation/dev-tools/ktap.rst), as `mypoll-selftest` prints it.

use super::case::Case;

/// The tests in the report of a program that exited with `status`. Adds a failure if planned tests did not run, or if
/// only the status indicates a failure.
pub(super) fn cases(status: u8, report: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut diagnostics = String::new();
    let mut planned = None;
    for line in report.lines() {
        if let Some(diagnostic) = line.strip_prefix('#') {
            diagnostics.push_str(diagnostic.trim_start());
            diagnostics.push('\n');
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            cases.push(Case::failed(
                "the whole program",
                format!("bailed out:{reason}"),
            ));
        } else if let Some(count) = line.strip_prefix("1..") {
            planned = count.trim().parse::<usize>().ok();
        } else if let Some(passed) = line.strip_prefix("ok ") {
            let (name, directive) = numbered(passed);
            cases.push(match directive.strip_prefix("SKIP") {
                Some(reason) => Case::skipped(name, reason.trim()),
                None => Case::passed(name),
            });
            diagnostics.clear();
        } else if let Some(failed) = line.strip_prefix("not ok ") {
            let (name, _) = numbered(failed);
            cases.push(Case::failed(name, std::mem::take(&mut diagnostics)));
        }
    }
    let failed = cases.iter().any(Case::has_failed);
    let whole = "the whole program";
    match planned {
        None if !failed => cases.push(Case::failed(whole, format!("no plan in:\n{report}"))),
        Some(planned) if cases.len() < planned => {
            let missing = format!(
                "{} of {planned} tests ran, status {status}:\n{report}",
                cases.len()
            );
            cases.push(Case::failed(whole, missing));
        }
        _ if status != 0 && !failed => {
            cases.push(Case::failed(whole, format!("status {status}:\n{report}")));
        }
        _ => {}
    }
    cases
}

/// Splits `NUMBER NAME # DIRECTIVE`.
fn numbered(line: &str) -> (&str, &str) {
    let (test, directive) = line.split_once('#').unwrap_or((line, ""));
    let name = test.split_once(' ').map_or(test, |(_, name)| name);
    (name.trim().trim_start_matches("- "), directive.trim())
}

#[cfg(test)]
mod tests {
    use super::super::case::Outcome;
    use super::*;

    #[test]
    fn failures_have_their_diagnostics() {
        let report = "\
KTAP version 1
1..3
ok 1 read.one
# seen 1
# expected 2
not ok 2 read.two
ok 3 read.three # SKIP no gpio-sim
# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
";
        let expected = [
            Case::passed("read.one"),
            Case::failed("read.two", "seen 1\nexpected 2\n"),
            Case::skipped("read.three", "no gpio-sim"),
        ];
        assert_eq!(cases(1, report), expected);
    }

    #[test]
    fn tests_that_did_not_run_have_failed() {
        let cases = cases(0, "KTAP version 1\n1..3\nok 1 read.one\n");
        assert_eq!(cases.len(), 2);
        assert!(
            matches!(&cases[1].outcome, Outcome::Failed(why) if why.starts_with("1 of 3 tests ran"))
        );
    }

    #[test]
    fn a_report_without_a_plan_or_with_a_failure_status_has_failed() {
        for (status, report) in [(127, "not found"), (0, ""), (1, "1..1\nok 1 read.one\n")] {
            let cases = cases(status, report);
            assert!(
                matches!(cases.last().unwrap().outcome, Outcome::Failed(_)),
                "{report}"
            );
        }
    }

    #[test]
    fn bailing_out_is_a_failure() {
        let cases = cases(1, "KTAP version 1\nBail out! the device is gone\n");
        assert_eq!(
            cases,
            [Case::failed(
                "the whole program",
                "bailed out: the device is gone"
            )]
        );
    }
}
