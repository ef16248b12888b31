// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's files in sysfs.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

use crate::{
    keys::{self, KeyError},
    lines::{Lines, ParseLineError},
};

/// The driver's counters of events since the module was loaded or `reset` was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Stats {
    /// The last sequence number; 0 before the first event; `reset` does not change it.
    pub event_sequence: u32,
    /// Events queued.
    pub generated: u64,
    /// Timer and GPIO events dropped because the queue was full.
    pub dropped: u64,
    /// Of `generated`: triggers.
    pub manual_triggered: u64,
    /// Of `generated`: ticks of the timer.
    pub timer_triggered: u64,
    /// Events in the queue.
    pub queue_depth: u64,
    /// Whether the timer runs.
    pub timer_running: bool,
    /// Of `generated`: edges of GPIO lines.
    pub gpio_triggered: u64,
}

impl FromStr for Stats {
    type Err = KeyError;

    /// Parses the text of `stats`. Unknown keys are ignored.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            event_sequence: keys::number(text, "event_sequence")?,
            generated: keys::number(text, "generated")?,
            dropped: keys::number(text, "dropped")?,
            manual_triggered: keys::number(text, "manual_triggered")?,
            timer_triggered: keys::number(text, "timer_triggered")?,
            queue_depth: keys::number(text, "queue_depth")?,
            timer_running: keys::number::<u8>(text, "timer_running")? != 0,
            gpio_triggered: keys::number(text, "gpio_triggered")?,
        })
    }
}

impl fmt::Display for Stats {
    /// The driver's text: one `key=value` per line, without the last newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "event_sequence={}", self.event_sequence)?;
        writeln!(f, "generated={}", self.generated)?;
        writeln!(f, "dropped={}", self.dropped)?;
        writeln!(f, "manual_triggered={}", self.manual_triggered)?;
        writeln!(f, "timer_triggered={}", self.timer_triggered)?;
        writeln!(f, "queue_depth={}", self.queue_depth)?;
        writeln!(f, "timer_running={}", u8::from(self.timer_running))?;
        write!(f, "gpio_triggered={}", self.gpio_triggered)
    }
}

/// Why reading from sysfs failed.
#[derive(Debug, Error)]
pub enum SysfsError {
    /// The file can't be read.
    #[error("cannot read {}; is the module loaded (modprobe mypoll)?", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `stats` lacks a key or has an invalid value.
    #[error("cannot parse {}", path.display())]
    Stats {
        /// The file.
        path: PathBuf,
        /// The error in it.
        source: KeyError,
    },
    /// `lines` has a malformed line.
    #[error("cannot parse {}", path.display())]
    Lines {
        /// The file.
        path: PathBuf,
        /// The error in it.
        source: ParseLineError,
    },
}

/// The driver's directory in sysfs.
///
/// # Examples
///
/// ```no_run
/// let stats = mypoll::Sysfs::default().stats()?;
/// println!("{} events, {} dropped", stats.generated, stats.dropped);
/// # Ok::<(), mypoll::SysfsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sysfs {
    directory: PathBuf,
}

impl Sysfs {
    /// The directory on a real system.
    pub const DIRECTORY: &str = "/sys/class/misc/mypoll";

    /// The driver's directory at another path, for tests.
    pub fn at(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
        }
    }

    /// Reads the counters.
    ///
    /// # Errors
    ///
    /// The file is missing (the module is not loaded), unreadable, or lacks a counter.
    pub fn stats(&self) -> Result<Stats, SysfsError> {
        let (path, text) = self.read("stats")?;
        text.parse()
            .map_err(|source| SysfsError::Stats { path, source })
    }

    /// Reads the GPIO lines and their labels.
    ///
    /// # Errors
    ///
    /// The file is missing (the module is not loaded), unreadable, or malformed.
    pub fn lines(&self) -> Result<Lines, SysfsError> {
        let (path, text) = self.read("lines")?;
        text.parse()
            .map_err(|source| SysfsError::Lines { path, source })
    }

    fn read(&self, name: &str) -> Result<(PathBuf, String), SysfsError> {
        let path = self.directory.join(name);
        match fs::read(&path) {
            // A label may be in another encoding; lines can be told apart without it.
            Ok(bytes) => Ok((path, String::from_utf8_lossy(&bytes).into_owned())),
            Err(source) => Err(SysfsError::Read { path, source }),
        }
    }
}

impl Default for Sysfs {
    fn default() -> Self {
        Self::at(Self::DIRECTORY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATS: &str = "event_sequence=30\ngenerated=26\ndropped=4\nmanual_triggered=1\n\
                         timer_triggered=20\nqueue_depth=2\ntimer_running=1\ngpio_triggered=5";

    #[test]
    fn stats_survive_text() {
        let stats: Stats = STATS.parse().unwrap();
        assert_eq!(
            (stats.event_sequence, stats.generated, stats.dropped),
            (30, 26, 4)
        );
        assert_eq!(
            (
                stats.manual_triggered,
                stats.timer_triggered,
                stats.gpio_triggered
            ),
            (1, 20, 5)
        );
        assert_eq!((stats.queue_depth, stats.timer_running), (2, true));
        assert_eq!(stats.to_string(), STATS);
    }

    #[test]
    fn unknown_counters_are_tolerated_and_known_ones_required() {
        assert!(format!("overruns=3\n{STATS}\n").parse::<Stats>().is_ok());
        for line in STATS.lines() {
            let key = line.split_once('=').unwrap().0;
            let error = STATS.replace(line, "").parse::<Stats>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{key}=` is missing"));
        }
    }

    #[test]
    fn files_are_read_and_errors_name_them() {
        let directory = tempfile::tempdir().unwrap();
        let sysfs = Sysfs::at(directory.path());

        let error = sysfs.lines().unwrap_err().to_string();
        assert!(error.contains("/lines; is the module loaded"), "{error}");

        fs::write(directory.path().join("lines"), "line=0 label=button\n").unwrap();
        assert_eq!(sysfs.lines().unwrap().number_of("button"), Some(0));
        fs::write(
            directory.path().join("lines"),
            b"line=0 label=T\xfcr\nline=1 label=T\xc3\xbcr\n",
        )
        .unwrap();
        assert_eq!(sysfs.lines().unwrap().number_of("Tür"), Some(1));
        fs::write(directory.path().join("lines"), "button\n").unwrap();
        assert!(matches!(sysfs.lines(), Err(SysfsError::Lines { .. })));

        fs::write(directory.path().join("stats"), STATS).unwrap();
        assert_eq!(sysfs.stats().unwrap(), STATS.parse().unwrap());
        fs::write(directory.path().join("stats"), "generated=1\n").unwrap();
        assert!(matches!(sysfs.stats(), Err(SysfsError::Stats { .. })));
    }
}
