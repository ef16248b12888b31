// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presses the buttons of a running machine from outside.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use std::{fs, io};

use thiserror::Error;

use crate::build::devicetree::{self, Line};
use crate::vm::machine::runtime;
use crate::vm::qmp::{Monitor, QmpError};
use crate::vm::qtest::{self, QtestError};

/// How long a press holds the button down; QEMU's own power key does it as long.
const HOLD: Duration = Duration::from_millis(100);

/// The PL061 input that QEMU's power key is wired to.
const POWER_KEY: u8 = 3;

/// What can go wrong with a press.
#[derive(Debug, Error)]
pub enum PressError {
    /// The machine's device tree can't be read.
    #[error("can't read {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// The machine's device tree does not describe the lines.
    #[error("can't find the lines in {0}")]
    NoLines(PathBuf, #[source] anyhow::Error),
    /// No line has this number or label.
    #[error("there is no line {wanted:?}; there are {there}")]
    NoSuchLine {
        /// What was asked for.
        wanted: String,
        /// The lines there are.
        there: String,
    },
    /// The line is not on the board's GPIO controller.
    #[error("line {0} is on a simulated chip, which only the guest itself can press")]
    Inside(u32),
    /// The monitor failed.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// The qtest socket failed.
    #[error(transparent)]
    Qtest(#[from] QtestError),
}

/// What is done to a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Down, and up 100 ms later.
    Press,
    /// Down, and it stays down.
    Down,
    /// Up.
    Up,
}

/// The buttons of one running machine.
#[derive(Clone, Debug)]
pub struct Buttons {
    machine: PathBuf,
    lines: Vec<Line>,
}

impl Buttons {
    /// The buttons of the machine whose runtime folder is `machine`.
    pub fn of(machine: &Path) -> Result<Self, PressError> {
        let tree = machine.join(runtime::DEVICE_TREE);
        let bytes = fs::read(&tree).map_err(|error| PressError::Unreadable(tree.clone(), error))?;
        let lines = devicetree::lines(&bytes).map_err(|error| PressError::NoLines(tree, error))?;
        Ok(Self {
            machine: machine.to_owned(),
            lines,
        })
    }

    /// All lines of the driver, those on other chips too.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The line with this number or label.
    pub fn line(&self, wanted: &str) -> Result<&Line, PressError> {
        self.lines
            .iter()
            .find(|line| wanted.parse() == Ok(line.number) || line.label == wanted)
            .ok_or_else(|| PressError::NoSuchLine {
                wanted: wanted.to_owned(),
                there: describe(&self.lines),
            })
    }

    /// Does `action` to `line`.
    pub fn act(&self, line: &Line, action: Action) -> Result<(), PressError> {
        let input = line.input.ok_or(PressError::Inside(line.number))?;
        match action {
            Action::Press if input == POWER_KEY && !line.active_low => {
                self.monitor()?.system_powerdown()?;
            }
            Action::Press => {
                self.act(line, Action::Down)?;
                thread::sleep(HOLD);
                self.act(line, Action::Up)?;
            }
            Action::Down | Action::Up => {
                self.set(line, &[action == Action::Down])?;
            }
        }
        Ok(())
    }

    /// Has `line` be down (`true`) and up in quick succession, some microseconds each, as a contact that bounces.
    pub fn set(&self, line: &Line, levels: &[bool]) -> Result<(), PressError> {
        let input = line.input.ok_or(PressError::Inside(line.number))?;
        let levels: Vec<_> = levels.iter().map(|&down| down != line.active_low).collect();
        let pl061 = self.monitor()?.pl061()?;
        let qtest = self.machine.join(runtime::QTEST);
        Ok(qtest::set_input(&qtest, &pl061, input, &levels)?)
    }

    fn monitor(&self) -> Result<Monitor, QmpError> {
        Monitor::connect(&self.machine.join(runtime::QMP))
    }
}

/// Lists lines as in `0 "button", 1 "door"`.
fn describe(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| format!("{} {:?}", line.number, line.label))
        .collect::<Vec<_>>()
        .join(", ")
}
