// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log file of a step. Runs commands that write to it.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Result, ensure};
use fs_err::{self as fs, File};
use rustix::process::Signal;

use super::children;
use crate::Paths;
use crate::store::remove;

/// Number of bytes at the end of a log that are searched for its last line.
const WINDOW: u64 = 4096;

/// Prefix of a line that logs a command.
const COMMAND: &str = "$ ";

/// The log of one step. Each run of the step starts a new one.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(super) fn create(paths: &Paths, name: &str) -> Result<Self> {
        let dir = paths.cache.join("log");
        fs::create_dir_all(&dir)?;
        let path = dir.join(format!("{name}.log"));
        // Append mode, since commands write to the same file.
        let mut options = fs::OpenOptions::new();
        options.read(true).append(true).create_new(true);
        let file = loop {
            remove(&path)?;
            match options.open(&path) {
                // A step of the same name has just started.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => break file?,
            }
        };
        Ok(Self { path, file })
    }

    /// The path of the log.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle of the file that appends to it.
    pub(crate) fn handle(&self) -> io::Result<std::fs::File> {
        self.file.file().try_clone()
    }

    /// The contents of this run's log, even if another run has replaced the file since.
    pub fn text(&mut self) -> Result<String> {
        Ok(children::text(self.file.file_mut())?)
    }

    /// Writes one line.
    pub fn line(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.file, "{line}")?)
    }

    /// Runs a command that has to succeed, with empty standard input, and logs its output.
    pub fn run(&mut self, command: &mut Command) -> Result<()> {
        let status = self.status(command)?;
        succeeded(command, status)
    }

    /// Like [`Log::run`], but returns the exit status.
    pub fn status(&mut self, command: &mut Command) -> Result<ExitStatus> {
        let stdout = self.handle()?;
        self.wait_for(command, stdout)
    }

    /// Like [`Log::run`], but returns the standard output instead of logging it.
    pub fn output(&mut self, command: &mut Command) -> Result<String> {
        let mut stdout = tempfile::tempfile()?;
        let status = self.wait_for(command, stdout.try_clone()?)?;
        succeeded(command, status)?;
        Ok(children::text(&mut stdout)?)
    }

    fn wait_for(&mut self, command: &mut Command, stdout: std::fs::File) -> Result<ExitStatus> {
        self.line(&format!("{COMMAND}{command:?}"))?;
        let stderr = self.handle()?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        children::run(command, Signal::TERM)
    }

    /// The first line that a compiler, make or apt marks as an error.
    pub(super) fn first_error(text: &str) -> Option<&str> {
        let marks = ["error: ", "error[E", " *** ", "E: "];
        // rustup reports a missing rustfmt as an error, but bindgen works without it.
        text.lines().find(|line| {
            !line.starts_with(COMMAND)
                && !line.contains("rustfmt")
                && marks.iter().any(|mark| line.contains(mark))
        })
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    let program = command.get_program().to_string_lossy();
    ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

/// The last line of the log at `path`, or an empty string.
pub(super) fn last_line(path: &Path) -> String {
    let end = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let end = end().unwrap_or_default();
    end.lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &Path) -> Log {
        Log::create(&Paths::both_in(dir), "test").unwrap()
    }

    #[test]
    fn logs_of_the_same_name_can_start_at_the_same_time() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| drop(log(dir.path()))));
            }
        });
    }

    #[test]
    fn output_is_not_logged() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path());
        let text = log
            .output(Command::new("sh").args(["-c", "echo out; echo err >&2"]))
            .unwrap();
        assert_eq!(text, "out\n");
        assert_eq!(last_line(log.path()), "err");
    }

    #[test]
    fn each_run_has_its_own_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut old = log(dir.path());
        old.line("old").unwrap();
        log(dir.path()).line("new").unwrap();
        assert_eq!(old.text().unwrap(), "old\n");
        old.line("more").unwrap();
        assert_eq!(old.text().unwrap(), "old\nmore\n");
        assert_eq!(fs::read_to_string(old.path()).unwrap(), "new\n");
    }

    #[test]
    fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = log(dir.path())
            .run(&mut Command::new("no-such-program"))
            .unwrap_err();
        assert_eq!(error.to_string(), "can't start no-such-program");
    }
}
