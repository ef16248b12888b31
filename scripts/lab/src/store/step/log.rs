// SPDX-License-Identifier: MIT OR Apache-2.0
//! A step's log file, and the commands that write to it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use rustix::process::Signal;
use thiserror::Error;

use super::children;
use crate::Paths;

/// How much of a log's end is looked at: more than any twenty lines that make or cargo print.
const WINDOW: u64 = 64 * 1024;

/// What stands before a command's line.
const COMMAND: &str = "$ ";

/// A command did not do what it was started for.
#[derive(Debug, Error)]
pub enum CommandFailed {
    /// It could not be started.
    #[error("can't start {program}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why it could not.
        source: io::Error,
    },
    /// It took too long, and was stopped.
    #[error("{0}")]
    TimedOut(io::Error),
    /// It ended with something else than success.
    #[error("{program} ended with {status}")]
    Status {
        /// What was started.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// The log of one step. Each run of the step starts a new one.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(super) fn create(paths: &Paths, name: &str) -> Result<Self> {
        let dir = paths.cache.join("log");
        fs::create_dir_all(&dir).with_context(|| format!("can't create {}", dir.display()))?;
        let path = dir.join(format!("{name}.log"));
        // Appending, as the commands' own descriptors share the file with ours.
        let file = fs::remove_file(&path)
            .or_else(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    Ok(())
                } else {
                    Err(error)
                }
            })
            .and_then(|()| {
                File::options()
                    .read(true)
                    .append(true)
                    .create_new(true)
                    .open(&path)
            })
            .with_context(|| format!("can't write {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is in it, even where another run has begun the same step, and with it another file, since.
    pub fn text(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_end(&mut bytes))
            .with_context(|| format!("can't read {}", self.path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes one line.
    pub fn line(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}")
            .with_context(|| format!("can't write {}", self.path.display()))
    }

    /// Runs a command to its end with nothing on its standard input and its output in the log.
    pub fn run(&mut self, command: &mut Command) -> Result<(), CommandFailed> {
        let stdout = self.file.try_clone();
        self.wait_for(command, stdout)
    }

    /// As [`Log::run`], but gives back what the command wrote to its standard output.
    pub fn output(&mut self, command: &mut Command) -> Result<String, CommandFailed> {
        let mut stdout =
            tempfile::tempfile().map_err(|source| start_error(command.get_program(), source))?;
        self.wait_for(command, stdout.try_clone())?;
        children::text(&mut stdout).map_err(|source| start_error(command.get_program(), source))
    }

    fn wait_for(
        &mut self,
        command: &mut Command,
        stdout: io::Result<File>,
    ) -> Result<(), CommandFailed> {
        let run = || {
            writeln!(self.file, "{COMMAND}{command:?}")?;
            children::run(
                command
                    .stdin(Stdio::null())
                    .stdout(stdout?)
                    .stderr(self.file.try_clone()?),
                Signal::TERM,
            )
        };
        match run() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CommandFailed::Status {
                program: command.get_program().to_string_lossy().into_owned(),
                status,
            }),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(CommandFailed::TimedOut(error))
            }
            Err(source) => Err(start_error(command.get_program(), source)),
        }
    }

    /// The first line that a compiler, make or apt marks as an error.
    pub(super) fn first_error(&self) -> Option<String> {
        let marks = ["error: ", "error[E", " *** ", "E: "];
        // bindgen can do without rustfmt, and rustup says so as an error.
        let is_error = |line: &String| {
            !line.starts_with(COMMAND)
                && !line.contains("rustfmt")
                && marks.iter().any(|mark| line.contains(mark))
        };
        BufReader::new(File::open(&self.path).ok()?)
            .split(b'\n')
            .map_while(io::Result::ok)
            .map(|line| String::from_utf8_lossy(&line).into_owned())
            .find(is_error)
    }

    /// The last lines, at most `count`.
    pub(super) fn tail(&self, count: usize) -> Vec<String> {
        let text = end_of(&self.path).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..]
            .iter()
            .map(|&line| line.to_owned())
            .collect()
    }
}

fn start_error(program: &OsStr, source: io::Error) -> CommandFailed {
    CommandFailed::Start {
        program: program.to_string_lossy().into_owned(),
        source,
    }
}

/// The last line of the log at `path`, empty when there is none.
pub(super) fn last_line(path: &Path) -> String {
    end_of(path)
        .unwrap_or_default()
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &Path) -> Log {
        Log::create(
            &Paths {
                repo: dir.to_owned(),
                cache: dir.to_owned(),
            },
            "test",
        )
        .unwrap()
    }

    #[test]
    fn output_is_apart_from_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path());
        let text = log
            .output(Command::new("sh").args(["-c", "echo out; echo err >&2"]))
            .unwrap();
        assert_eq!(text, "out\n");
        assert_eq!(log.tail(1), ["err"]);
        assert_eq!(last_line(log.path()), "err");
    }

    #[test]
    fn what_a_run_has_logged_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let mut old = log(dir.path());
        old.line("old").unwrap();
        log(dir.path()).line("new").unwrap();
        assert_eq!(old.text().unwrap(), "old\n");
        old.line("more").unwrap();
        assert_eq!(old.text().unwrap(), "old\nmore\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = log(dir.path())
            .run(&mut Command::new("no-such-program"))
            .unwrap_err();
        assert_eq!(error.to_string(), "can't start no-such-program");
    }

    #[test]
    fn each_run_starts_the_log_anew() {
        let dir = tempfile::tempdir().unwrap();
        log(dir.path()).line("old").unwrap();
        let mut new = log(dir.path());
        new.line("new").unwrap();
        assert_eq!(new.tail(5), ["new"]);
    }
}
