// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presses the buttons of a running machine from outside.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::build::devicetree::{self, Line};
use crate::vm::machine::runtime;
use crate::vm::qmp::Monitor;
use crate::vm::qtest;

/// Duration of a press, the same as of QEMU's power key.
const HOLD: Duration = Duration::from_millis(100);

/// The PL061 input that QEMU's power key is wired to.
const POWER_KEY: u8 = 3;

/// Action on a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Press, and release 100 ms later.
    Press,
    /// Press and hold.
    Down,
    /// Release.
    Up,
}

/// The buttons of a running machine.
#[derive(Clone, Debug)]
pub struct Buttons {
    machine: PathBuf,
    lines: Vec<Line>,
}

impl Buttons {
    /// The buttons of the machine whose runtime folder is `machine`.
    pub fn of(machine: &Path) -> Result<Self> {
        let tree = machine.join(runtime::DEVICE_TREE);
        let lines = devicetree::lines(&fs::read(&tree)?)
            .with_context(|| format!("can't find the lines in {}", tree.display()))?;
        Ok(Self {
            machine: machine.to_owned(),
            lines,
        })
    }

    /// All lines of the driver, including those on other chips.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that can be pressed.
    pub fn pressable(&self) -> Vec<Line> {
        let lines = self.lines.iter().filter(|line| line.input.is_some());
        lines.cloned().collect()
    }

    /// The line with this number or label.
    pub fn line(&self, wanted: &str) -> Result<&Line> {
        self.lines
            .iter()
            .find(|line| wanted.parse() == Ok(line.number) || line.label == wanted)
            .with_context(|| {
                let lines = describe(&self.lines);
                format!("there is no line {wanted:?}; there are {lines}")
            })
    }

    /// Performs `action` on `line`.
    pub fn act(&self, line: &Line, action: Action) -> Result<()> {
        let input = input(line)?;
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

    /// Sets `line` down (`true`) and up in quick succession, some microseconds each, like a bouncing contact.
    pub fn set(&self, line: &Line, levels: &[bool]) -> Result<()> {
        let input = input(line)?;
        let levels: Vec<_> = levels.iter().map(|&down| down != line.active_low).collect();
        let pl061 = self.monitor()?.pl061()?;
        let qtest = self.machine.join(runtime::QTEST);
        qtest::set_input(&qtest, &pl061, input, &levels)
    }

    fn monitor(&self) -> Result<Monitor> {
        Monitor::connect(&self.machine.join(runtime::QMP))
    }
}

fn input(line: &Line) -> Result<u8> {
    let number = line.number;
    line.input.with_context(|| {
        format!("line {number} is on a simulated chip, which only the guest can press")
    })
}

/// Lists lines like `0 "button", 1 "door"`.
fn describe(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| format!("{} {:?}", line.number, line.label))
        .collect::<Vec<_>>()
        .join(", ")
}
