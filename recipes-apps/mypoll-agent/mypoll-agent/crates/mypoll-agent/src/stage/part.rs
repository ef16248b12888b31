// SPDX-License-Identifier: MIT OR Apache-2.0
//! A section with one line, and its state.

use tracing::warn;

use super::{
    gesture::{self, Gesture},
    machine::{Bound, Found, Machine},
    watchdog::{self, Watchdog},
};
use crate::{
    event::Source,
    journal::Derived,
    lines::{Line, Lines, Target},
    status::{Condition, Reporter, Status},
};

/// The section in the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Section {
    Gesture(gesture::Config),
    Watchdog(watchdog::Config),
}

pub(super) struct Part {
    pub(super) section: Section,
    machine: Box<dyn Machine>,
    line: Option<Bound>,
    reporter: Reporter,
    /// Buffer for derived events.
    found: Vec<Found>,
}

impl Section {
    fn target(&self) -> &Target {
        match self {
            Self::Gesture(config) => &config.line,
            Self::Watchdog(config) => &config.line,
        }
    }

    fn name(&self) -> String {
        let word = match self {
            Self::Gesture(_) => "gesture",
            Self::Watchdog(_) => "watchdog",
        };
        format!("{word} {}", self.target().name())
    }

    fn machine(&self) -> Box<dyn Machine> {
        match self {
            Self::Gesture(config) => Box::new(Gesture::new(config)),
            Self::Watchdog(config) => Box::new(Watchdog::new(config)),
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::Gesture(_) => Source::GESTURE,
            Self::Watchdog(_) => Source::WATCHDOG,
        }
    }

    /// Whether both edges are needed.
    fn needs_both_edges(&self) -> bool {
        match self {
            Self::Gesture(_) => true,
            Self::Watchdog(config) => config.active.is_some(),
        }
    }
}

/// The line of a section, or why it cannot be used.
pub(super) fn find<'a>(
    target: &Target,
    needs_both_edges: bool,
    lines: &'a Lines,
) -> Result<&'a Line, String> {
    let Some(line) = lines.iter().find(|line| target.is(line)) else {
        return Err(format!("{target} is missing"));
    };
    match (line.settings.rising, line.settings.falling) {
        (true, true) => Ok(line),
        (true, false) | (false, true) if !needs_both_edges => Ok(line),
        (rising, _) => {
            let missing = if rising { "falling" } else { "rising" };
            Err(format!(
                "{target} reports no {missing} edges, and both are needed"
            ))
        }
    }
}

/// Reports the state of a section.
pub(super) fn report(reporter: &Reporter, name: &str, lines: &Lines, found: Result<(), String>) {
    let Err(reason) = found else {
        reporter.set(Condition::Working);
        return;
    };
    if lines.iter().next().is_none() {
        // It may not be open yet, and reports that itself.
        reporter.set(Condition::Waiting("the source has no lines yet".to_owned()));
    } else if reporter.set(Condition::Waiting(reason.clone())) {
        warn!("{name} waits: {reason}");
    }
}

impl Part {
    pub(super) fn new(section: Section, status: &Status) -> Self {
        Self {
            machine: section.machine(),
            line: None,
            reporter: status.reporter(section.name()),
            found: Vec::new(),
            section,
        }
    }

    pub(super) fn is_of(&self, number: u32) -> bool {
        self.line.as_ref().is_some_and(|line| line.number == number)
    }

    pub(super) fn is_in(&self, mut numbers: impl Iterator<Item = u32>) -> bool {
        numbers.any(|number| self.is_of(number))
    }

    /// Finds the line, which must not be in `taken`. A line that is added or removed starts over.
    pub(super) fn bind(
        &mut self,
        lines: &Lines,
        taken: &mut Vec<(Source, u32)>,
        now: u64,
        out: &mut Vec<Derived>,
    ) {
        let target = self.section.target();
        let mut found = find(target, self.section.needs_both_edges(), lines);
        if let Ok(line) = found {
            let place = (self.section.source(), line.number);
            if taken.contains(&place) {
                found = Err(format!("{target} already has another section"));
            }
            taken.push(place);
        }
        let bound = found.as_ref().ok().map(|line| Bound::new(line));
        let active = found.as_ref().ok().and_then(|line| line.active);
        report(
            &self.reporter,
            &self.section.name(),
            lines,
            found.map(|_| ()),
        );
        if bound != self.line {
            self.level(None, now, out);
            self.line = bound;
            if self.line.is_some() {
                self.machine.level(active, now, &mut self.found);
            }
            self.flush(out);
        }
    }

    pub(super) fn edge(&mut self, active: bool, at: u64, out: &mut Vec<Derived>) {
        self.machine.advance(at, &mut self.found);
        self.machine.edge(active, at, &mut self.found);
        self.flush(out);
    }

    pub(super) fn level(&mut self, level: Option<bool>, at: u64, out: &mut Vec<Derived>) {
        self.machine.level(level, at, &mut self.found);
        self.flush(out);
    }

    pub(super) fn forget(&mut self, at: u64, out: &mut Vec<Derived>) {
        self.machine.forget(at, &mut self.found);
        self.flush(out);
    }

    pub(super) fn advance(&mut self, to: u64, out: &mut Vec<Derived>) {
        self.machine.advance(to, &mut self.found);
        self.flush(out);
    }

    pub(super) fn end(&mut self, at: u64, out: &mut Vec<Derived>) {
        self.machine.end(at, &mut self.found);
        self.flush(out);
    }

    pub(super) fn use_up(&mut self, out: &mut Vec<Derived>) {
        self.machine.use_up(&mut self.found);
        self.flush(out);
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.machine.deadline()
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.machine.is_fresh()
    }

    pub(super) fn fresh_for(&self) -> u64 {
        self.machine.fresh_for()
    }

    fn flush(&mut self, out: &mut Vec<Derived>) {
        let found = self.found.drain(..);
        if let Some(line) = &self.line {
            let source = self.section.source();
            out.extend(found.map(|found| found.of(line, source)));
        }
    }
}
