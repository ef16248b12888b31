// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parses the output of kas and bitbake.

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it succeeded.
    pub success: bool,
    /// Its stdout and stderr.
    pub text: String,
}

/// Bitbake's summary of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// All tasks of the target.
    pub all: usize,
    /// Tasks that did not need to run.
    pub done_before: usize,
}

impl Output {
    /// Creates a result.
    pub fn new(success: bool, text: &str) -> Self {
        Self {
            success,
            text: text.to_owned(),
        }
    }

    /// The output without informational lines.
    pub fn without_notes(&self) -> String {
        let is_note = |line: &&str| {
            line.starts_with("NOTE: ") || line.starts_with("$ ") || line.contains(" - INFO     - ")
        };
        let lines: Vec<_> = self.text.lines().filter(|line| !is_note(line)).collect();
        lines.join("\n")
    }

    /// The warnings and errors, each with its continuation lines.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<String> = Vec::new();
        let mut within = false;
        for line in self.text.lines().map(without_progress) {
            if is_complaint(line) {
                complaints.push(line.to_owned());
                within = true;
            } else if within && line.starts_with([' ', '\t']) {
                let complaint = complaints.last_mut().expect("not empty");
                complaint.push('\n');
                complaint.push_str(line);
            } else {
                within = false;
            }
        }
        complaints
    }

    /// The summary, if the output contains one.
    pub fn tasks(&self) -> Option<Tasks> {
        let summary = self.text.split("Tasks Summary: Attempted ").nth(1)?;
        let mut words = summary.split(' ');
        let all = words.next()?.parse().ok()?;
        let done_before = words.nth(3)?.parse().ok()?;
        Some(Tasks { all, done_before })
    }
}

fn is_complaint(line: &str) -> bool {
    line.starts_with("WARNING: ") || line.starts_with("ERROR: ")
}

/// Removes a progress message in front of a complaint: `Parsing recipes...WARNING: `.
fn without_progress(line: &str) -> &str {
    match line.split_once("...") {
        Some((_, rest)) if is_complaint(rest) => rest,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = "\
$ \"kas\" \"shell\"
2026-11-21 06:53:14 - INFO     - Repository meta-rust-bin checked out
WARNING: Sstate directory is shared:
        set BB_HASHSERVE_DB_DIR

Parsing recipes...done.
NOTE: Executing Tasks
ERROR: Nothing PROVIDES 'mypoll-image'
NOTE: Tasks Summary: Attempted 1234 tasks of which 1200 didn't need to be rerun and all succeeded.
";

    #[test]
    fn complaints_include_continuation_lines() {
        let expected = [
            "WARNING: Sstate directory is shared:\n        set BB_HASHSERVE_DB_DIR",
            "ERROR: Nothing PROVIDES 'mypoll-image'",
        ];
        assert_eq!(Output::new(true, BUILD).complaints(), expected);
    }

    #[test]
    fn complaints_after_progress_messages_are_found() {
        let text = "Loading cache...done.\nParsing recipes...WARNING: /a.bb: strange\ndone.\n\
                    Initialising tasks...ERROR: no\n";
        let expected = ["WARNING: /a.bb: strange", "ERROR: no"];
        assert_eq!(Output::new(true, text).complaints(), expected);
    }

    #[test]
    fn notes_are_removed() {
        let rest = Output::new(true, BUILD).without_notes();
        assert!(rest.starts_with("WARNING: Sstate"), "{rest}");
        assert!(
            rest.ends_with("ERROR: Nothing PROVIDES 'mypoll-image'"),
            "{rest}"
        );
    }

    #[test]
    fn the_summary_is_parsed() {
        let tasks = Tasks {
            all: 1234,
            done_before: 1200,
        };
        assert_eq!(Output::new(true, BUILD).tasks(), Some(tasks));
        assert_eq!(Output::new(false, "ERROR: no").tasks(), None);
    }
}
