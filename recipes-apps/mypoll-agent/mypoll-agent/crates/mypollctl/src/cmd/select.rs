// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selects the events that a command handles.

use anyhow::{Result, bail};
use clap::Args;
use mypoll::{Device, Kind, queue};
use mypoll_protocol::Filter;

use super::lines;

/// Which events to select; by default all.
#[derive(Args, Default)]
pub struct Select {
    /// Only events of this GPIO line; repeatable
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..1024))]
    pub line: Vec<u32>,
    /// Only events of the GPIO line with this label; repeatable
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    /// Only events of this kind: rising, falling, tick, trigger, added, removed, or from an agent also level, click and
    /// others; repeatable
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
}

impl Select {
    /// For a remote agent.
    pub fn filter(&self) -> Filter {
        Filter {
            source: Vec::new(),
            kind: self.kind.clone(),
            line: self.line.clone(),
            label: self.label.clone(),
        }
    }

    /// For a queue of the driver.
    ///
    /// # Errors
    ///
    /// A label or a kind is unknown.
    pub fn queue(&self, device: &Device) -> Result<queue::Config> {
        let mut config = queue::Config::new();
        if !self.kind.is_empty() {
            let kinds: Result<Vec<Kind>, _> = self.kind.iter().map(|kind| kind.parse()).collect();
            config = config.kinds(kinds?);
        }
        if self.lines_only() {
            let mut numbers = self.line.clone();
            for label in &self.label {
                numbers.push(number_of(device, label)?);
            }
            config = config.sources([mypoll::Source::Gpio]).lines(numbers);
        }
        Ok(config)
    }

    fn lines_only(&self) -> bool {
        !self.line.is_empty() || !self.label.is_empty()
    }
}

/// The number of the line with this label, or with this number.
pub fn number_of(device: &Device, line: &str) -> Result<u32> {
    let lines = lines::of(device)?;
    let found = lines
        .iter()
        .find(|found| found.label == line)
        .or_else(|| lines.iter().find(|found| found.number.to_string() == line));
    match found {
        Some(found) => Ok(found.number),
        None if lines.is_empty() => bail!("no line `{line}`: the driver has no lines"),
        None => {
            let there_are: Vec<_> = lines
                .iter()
                .map(|line| format!("{} `{}`", line.number, line.label))
                .collect();
            bail!("no line `{line}`; the driver has: {}", there_are.join(", "))
        }
    }
}
