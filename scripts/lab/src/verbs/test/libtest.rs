// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what `cargo test` prints.

use super::case::{Case, Outcome};

/// The tests of a run of `cargo test`, whose streams are both in `said`. A run that failed otherwise than by a test, or
/// without any test, is one more failure.
pub(super) fn cases(success: bool, said: &str) -> Vec<Case> {
    let mut target = String::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = said.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(running) = line.trim_start().strip_prefix("Running ") {
            let file = running.strip_prefix("unittests ").unwrap_or(running);
            target = file.split(" (").next().unwrap_or(file).to_owned();
        } else if let Some(library) = line.trim_start().strip_prefix("Doc-tests ") {
            target = format!("examples of {library}");
        } else if let Some((test, result)) = verdict(line) {
            let name = format!("{target}: {test}");
            cases.push(match result.split_once(", ").unwrap_or((result, "")) {
                ("ok", _) => Case::passed(name),
                ("ignored", "") => Case::skipped(name, "marked as ignored"),
                ("ignored", reason) => Case::skipped(name, reason),
                _ => Case::failed(name, String::new()),
            });
        } else if let Some(test) = details_of(line) {
            let name = format!("{target}: {test}");
            let mut details = String::new();
            while let Some(line) =
                lines.next_if(|line| details_of(line).is_none() && *line != "failures:")
            {
                details.push_str(line);
                details.push('\n');
            }
            if let Some(case) = cases.iter_mut().find(|case| case.name == name) {
                case.outcome = Outcome::Failed(details.trim().to_owned());
            }
        }
    }
    let failed = cases.iter().any(Case::has_failed);
    if cases.is_empty() || !success && !failed {
        cases.push(Case::failed("cargo test", said));
    }
    cases
}

/// `test NAME ... RESULT`
fn verdict(line: &str) -> Option<(&str, &str)> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    Some((name.trim_end_matches(" - should panic"), result))
}

/// `---- NAME stdout ----`
fn details_of(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
   Compiling lab v0.1.0
     Running unittests src/lib.rs (target/debug/deps/lab-f317fe1ea3713b9e)

running 3 tests
test agent::tests::half_a_line ... ok
test slow ... ignored, needs a board
test bad::index - should panic ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.06s

     Running tests/presses.rs (target/debug/deps/presses-60179bd148ce12dd)

running 2 tests
test button ... ok
test door ... FAILED

failures:

---- door stdout ----

thread 'door' panicked at tests/presses.rs:19:45:
nothing came
note: run with `RUST_BACKTRACE=1`


failures:
    door

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s

error: test failed, to rerun pass `--test presses`
   Doc-tests lab

running 1 test
test src/lib.rs - build (line 12) ... ok
";

    #[test]
    fn every_test_is_counted_with_its_target() {
        let cases = cases(false, RUN);
        let expected = [
            Case::passed("src/lib.rs: agent::tests::half_a_line"),
            Case::skipped("src/lib.rs: slow", "needs a board"),
            Case::passed("src/lib.rs: bad::index"),
            Case::passed("tests/presses.rs: button"),
            Case::failed(
                "tests/presses.rs: door",
                "thread 'door' panicked at tests/presses.rs:19:45:\nnothing came\nnote: run with `RUST_BACKTRACE=1`",
            ),
            Case::passed("examples of lab: src/lib.rs - build (line 12)"),
        ];
        assert_eq!(cases, expected);
    }

    #[test]
    fn what_does_not_compile_has_failed() {
        let said = "error[E0425]: cannot find value `x`";
        assert_eq!(cases(false, said), [Case::failed("cargo test", said)]);
    }

    #[test]
    fn a_crash_between_passing_tests_has_failed() {
        let said = "     Running tests/a.rs (x)\ntest one ... ok\nerror: process didn't exit successfully (signal: 9)";
        let cases = cases(false, said);
        assert_eq!(cases.len(), 2);
        assert_eq!(cases[1], Case::failed("cargo test", said));
    }

    #[test]
    fn no_test_at_all_has_failed() {
        assert_eq!(cases(true, "").len(), 1);
    }
}
