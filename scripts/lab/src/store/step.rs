// SPDX-License-Identifier: MIT OR Apache-2.0
//! Build steps: each has a name, a log file and a time limit, and reports what it does and how long it took.

pub(crate) mod children;
mod log;

use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use crate::Paths;
use crate::store::unavailable::Unavailable;
pub use log::Log;

/// Number of log lines shown of a failed step.
const TAIL: usize = 20;

/// Description of a step.
#[derive(Clone, Debug)]
pub struct Task {
    /// Short name, valid as a file name: it also names the log.
    pub name: String,
    /// The action, such as "building".
    pub what: String,
    /// The time limit.
    limit: Duration,
}

impl Task {
    /// A task that takes minutes; its limit is an hour.
    pub fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            what: what.into(),
            limit: Duration::from_secs(60 * 60),
        }
    }

    /// A task that takes hours on a slow machine; its limit is 8 hours.
    pub fn long(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            limit: Duration::from_secs(8 * 60 * 60),
            ..Self::new(name, what)
        }
    }
}

/// Whether to install missing packages and toolchain components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Install {
    /// Only report them.
    #[default]
    Never,
    /// Ask, see [`Progress::allows`].
    Ask,
    /// Install without asking.
    Always,
}

/// Shows steps on standard error, as bars on a terminal and as plain lines elsewhere, and asks before installing.
#[derive(Debug)]
pub struct Progress {
    bars: MultiProgress,
    terminal: bool,
    install: Install,
    /// The user's answer.
    allowed: Mutex<Option<bool>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(Install::default())
    }
}

impl Progress {
    /// Shows steps on standard error.
    pub fn new(install: impl Into<Install>) -> Self {
        Self {
            bars: MultiProgress::new(),
            terminal: io::stderr().is_terminal(),
            install: install.into(),
            allowed: Mutex::default(),
        }
    }

    /// Whether anything may be installed at all.
    pub fn may_install(&self) -> bool {
        self.install != Install::Never
    }

    /// Whether something may be installed. On a terminal, asks `question` once and remembers the answer. Without one,
    /// root counts as consent (container, CI); other users do not.
    pub fn allows(&self, question: &str) -> bool {
        match self.install {
            Install::Never => return false,
            Install::Always => return true,
            Install::Ask => {}
        }
        if !(self.terminal && io::stdin().is_terminal()) {
            return rustix::process::geteuid().is_root();
        }
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        *allowed.get_or_insert_with(|| {
            self.bars.suspend(|| {
                eprint!("{question} [y/N] ");
                let mut answer = String::new();
                io::stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
            })
        })
    }

    /// Prints a line to standard error without disturbing the progress bars.
    pub fn say(&self, line: &str) {
        self.bars.suspend(|| eprintln!("{line}"));
    }

    /// Like [`Progress::say`], on standard output.
    pub fn print(&self, text: &str) {
        self.bars.suspend(|| println!("{text}"));
    }

    /// Runs `work` and shows `task` meanwhile.
    ///
    /// The log is `CACHE/log/NAME.log`. An error names the step, the reason, the end of the log and its path; an
    /// [`Unavailable`] is returned as it is.
    pub fn step<T>(
        &self,
        paths: &Paths,
        task: &Task,
        work: impl FnOnce(&mut Log) -> Result<T>,
    ) -> Result<T> {
        let mut log = Log::create(paths, &task.name)?;
        let started = Instant::now();
        let bar = self.begin(task, log.path());
        let step = format!("step {}", task.name);
        let result = children::within(&step, task.limit, || work(&mut log));
        bar.finish_and_clear();
        match result {
            Ok(value) => {
                let duration = in_words(started.elapsed());
                self.say(&format!("{}: done in {duration}", task.name));
                Ok(value)
            }
            Err(error) => Err(failure(task, error, &mut log)),
        }
    }

    /// Runs a phase of tests, and shows it meanwhile on a terminal. The log is `CACHE/log/test-NAME.log`.
    pub fn phase<T>(
        &self,
        paths: &Paths,
        name: &str,
        work: impl FnOnce(&Log) -> Result<T>,
    ) -> Result<T> {
        let words: Vec<_> = name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let log = Log::create(paths, &format!("test-{}", words.join("-")))?;
        let bar = self.bar(name.to_owned(), log.path());
        let result = work(&log);
        bar.finish_and_clear();
        result
    }

    fn begin(&self, task: &Task, log: &Path) -> ProgressBar {
        let line = format!("{}: {}", task.name, task.what);
        if !self.terminal {
            self.say(&format!("{line}…"));
        }
        self.bar(line, log)
    }

    fn bar(&self, line: String, log: &Path) -> ProgressBar {
        if !self.terminal {
            return ProgressBar::hidden();
        }
        // The last line of the log shows whether a step is slow or stuck.
        let log = log.to_owned();
        let tail = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let width = usize::from(console::Term::stderr().size().1).saturating_sub(4);
            let _ = out.write_str(&console::truncate_str(&log::last_line(&log), width, "…"));
        };
        let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed}\n  {tail}")
            .expect("the template is valid")
            .with_key("tail", tail);
        let bar = self.bars.add(
            ProgressBar::new_spinner()
                .with_style(style)
                .with_prefix(line),
        );
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

fn failure(task: &Task, error: anyhow::Error, log: &mut Log) -> anyhow::Error {
    if error.is::<Unavailable>() {
        return error;
    }
    let reason = format!("{error:#}");
    let text = log.text().unwrap_or_default();
    let mut lines = last_lines(&text, TAIL);
    // With parallel jobs the cause can be far above the end.
    if let Some(first) = Log::first_error(&text).filter(|first| !lines.contains(first)) {
        lines.splice(..0, [first, "…"]);
    }
    let tail: String = lines.iter().map(|line| format!("\n  | {line}")).collect();
    let Task { name, what, .. } = task;
    let path = log.path().display();
    anyhow!("{name}: {what} failed: {reason}{tail}\n  full log: {path}")
}

/// The last lines of a text, at most `count`.
pub(crate) fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// "7 min 52 s", "52 s", "under 1 s".
pub(crate) fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "under 1 s".to_owned(),
        s @ 1..60 => format!("{s} s"),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn durations_are_readable() {
        assert_eq!(in_words(Duration::from_millis(400)), "under 1 s");
        assert_eq!(in_words(Duration::from_secs(52)), "52 s");
        assert_eq!(in_words(Duration::from_secs(480)), "8 min");
        assert_eq!(in_words(Duration::from_secs(472)), "7 min 52 s");
    }

    #[test]
    fn only_y_and_yes_are_consent() {
        assert!(is_yes("y\n") && is_yes(" Yes\n"));
        assert!(!is_yes("\n") && !is_yes("") && !is_yes("n\n"));
    }

    /// The error of a step with a failing script.
    fn failure(cache: &Path, script: &str) -> anyhow::Error {
        Progress::default()
            .step(
                &Paths::both_in(cache),
                &Task::new("kernel", "building"),
                |log| log.run(Command::new("sh").args(["-c", script])),
            )
            .unwrap_err()
    }

    #[test]
    fn a_failure_names_step_log_and_tail() {
        let dir = tempfile::tempdir().unwrap();
        let script = "seq 100; echo 'write error: No space left on device' >&2; exit 3";
        let error = failure(dir.path(), script);
        let message = error.to_string();
        assert!(
            message.starts_with("kernel: building failed: sh ended with exit status: 3"),
            "{message}"
        );
        assert!(
            message.contains("\n  | 100\n  | write error: No space left on device\n"),
            "{message}"
        );
        assert!(
            !message.contains("| 81\n"),
            "more than the last {TAIL} lines: {message}"
        );
        assert!(
            message.contains(&dir.path().join("log/kernel.log").display().to_string()),
            "{message}"
        );
    }

    #[test]
    fn the_first_error_is_shown_if_other_jobs_went_on() {
        let dir = tempfile::tempdir().unwrap();
        let script = "echo \"error: 'rustfmt' is not installed\"; \
                      echo 'x.c:3:1: error: no such thing'; seq 100; exit 2";
        let error = failure(dir.path(), script);
        let message = error.to_string();
        assert!(
            message.contains("\n  | x.c:3:1: error: no such thing\n  | …\n  | 81\n"),
            "{message}"
        );
    }
}
