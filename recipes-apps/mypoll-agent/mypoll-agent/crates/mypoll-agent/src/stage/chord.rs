// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[chord]]`: lines that become active together.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};

use super::{
    config::{ns, time},
    machine::Bound,
    part::{Part, find, report},
};
use crate::{
    lines::{Lines, Target},
    section::table::Table,
    status::{Reporter, Status},
};

/// `[[chord]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The lines, 2 to 16.
    pub lines: Vec<Target>,
    /// Time from the first line to the last, exclusive. Default: 100 ms.
    pub within: Duration,
}

impl Config {
    fn name(&self) -> String {
        let names: Vec<_> = self.lines.iter().map(Target::name).collect();
        format!("chord {}", names.join("+"))
    }
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[chord]]`";

    fn fits(&self, earlier: &[Self]) -> Result<(), String> {
        let is_in =
            |one: &Self, other: &Self| one.lines.iter().all(|line| other.lines.contains(line));
        for (index, other) in earlier.iter().enumerate() {
            if is_in(self, other) || is_in(other, self) {
                return Err(format!(
                    "the smaller of this and chord[{index}] would always come first, \
                     expected lines that are not all in another chord"
                ));
            }
        }
        Ok(())
    }
}

/// `[[chord]]` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    lines: Vec<Listed>,
    #[serde(default, deserialize_with = "time")]
    within: Option<Duration>,
}

/// A line in a list.
struct Listed(Target);

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrLabel;

        impl Visitor<'_> for NumberOrLabel {
            type Value = Listed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a line from 0 to 1023, or its label")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Listed, E> {
                u32::try_from(number)
                    .ok()
                    .filter(|number| *number < 1024)
                    .map(|number| Listed(Target::Number(number)))
                    .ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Listed, E> {
                if text.is_empty() {
                    return Err(E::invalid_value(Unexpected::Str(text), &self));
                }
                Ok(Listed(Target::Label(text.to_owned())))
            }
        }

        deserializer.deserialize_any(NumberOrLabel)
    }
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let lines: Vec<_> = keys.lines.into_iter().map(|line| line.0).collect();
        if !(2..=16).contains(&lines.len()) {
            return Err(format!(
                "`lines` has {}, expected 2 to 16 lines",
                lines.len()
            ));
        }
        for (index, line) in lines.iter().enumerate() {
            if lines[..index].contains(line) {
                return Err(format!("`lines` has {line} twice, expected each line once"));
            }
        }
        Ok(Self {
            lines,
            within: keys.within.unwrap_or(Duration::from_millis(100)),
        })
    }
}

/// A chord and its progress.
pub(super) struct Chord {
    pub(super) section: Config,
    members: Vec<Member>,
    /// Time from the first press to the last, exclusive, in nanoseconds.
    within: u64,
    reporter: Reporter,
}

struct Member {
    line: Option<Bound>,
    press: Press,
}

#[derive(Clone, Copy, PartialEq)]
enum Press {
    /// Inactive or unknown.
    Up,
    /// Active since then.
    Since(u64),
    /// Active, but cannot be part of a chord.
    Held,
}

impl Chord {
    pub(super) fn new(section: Config, status: &Status) -> Self {
        let member = |_| Member {
            line: None,
            press: Press::Up,
        };
        Self {
            members: section.lines.iter().map(member).collect(),
            within: ns(section.within),
            reporter: status.reporter(section.name()),
            section,
        }
    }

    /// Finds the lines. A line that is added or removed starts over.
    pub(super) fn bind(&mut self, lines: &Lines, parts: &[Part]) {
        let mut outcome = Ok(());
        let mut taken = Vec::new();
        for (member, target) in self.members.iter_mut().zip(&self.section.lines) {
            let found = find(target, true, lines).and_then(|line| {
                let is_new = !taken.contains(&line.number);
                taken.push(line.number);
                is_new
                    .then_some(line)
                    .ok_or_else(|| format!("{target} is the same line as another entry"))
            });
            let bound = found.as_ref().ok().map(|line| Bound::new(line));
            if bound != member.line {
                let active = found.as_ref().is_ok_and(|line| line.active == Some(true));
                member.press = if active { Press::Held } else { Press::Up };
                member.line = bound;
            }
            if let Err(reason) = found {
                outcome = Err(reason);
            }
        }
        report(&self.reporter, &self.section.name(), lines, outcome);
        // A long press cannot be part of a chord.
        let parts = parts.iter().filter(|part| part.is_in(self.numbers()));
        let fresh_for = parts.map(Part::fresh_for).min().unwrap_or(u64::MAX);
        self.within = ns(self.section.within).min(fresh_for);
    }

    /// The numbers of its lines.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let lines = self
            .members
            .iter()
            .filter_map(|member| member.line.as_ref());
        lines.map(|line| line.number)
    }

    /// The first line of the section.
    pub(super) fn first(&self) -> Option<&Bound> {
        self.members[0].line.as_ref()
    }

    /// Handles a possible loss of edges.
    pub(super) fn forget(&mut self) {
        for member in &mut self.members {
            member.press = Press::Up;
        }
    }

    pub(super) fn level(&mut self, number: u32, level: Option<bool>) {
        let press = match level {
            Some(true) => Press::Held,
            _ => Press::Up,
        };
        self.of(number).for_each(|member| member.press = press);
    }

    /// Handles an edge. Returns when the last line became active, if all did together.
    pub(super) fn edge(&mut self, number: u32, active: bool, at: u64) -> Option<u64> {
        for member in self.of(number) {
            member.press = match member.press {
                _ if !active => Press::Up,
                Press::Up => Press::Since(at),
                press => press,
            };
        }
        let (mut first, mut last) = (u64::MAX, 0);
        for member in &self.members {
            let Press::Since(since) = member.press else {
                return None;
            };
            (first, last) = (first.min(since), last.max(since));
        }
        (last - first < self.within).then_some(last)
    }

    /// Marks the presses of these lines as part of a chord.
    pub(super) fn use_up(&mut self, numbers: &[u32]) {
        for number in numbers {
            self.level(*number, Some(true));
        }
    }

    fn of(&mut self, number: u32) -> impl Iterator<Item = &mut Member> {
        let is_of = move |member: &&mut Member| {
            member
                .line
                .as_ref()
                .is_some_and(|line| line.number == number)
        };
        self.members.iter_mut().filter(is_of)
    }
}
