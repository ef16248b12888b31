// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reader with a fake driver of a few lines.

use std::cell::RefCell;

use mypoll::uapi;

use super::*;
use crate::lines::Lines;

/// A change of the driver before its next answer.
type Meanwhile = Box<dyn FnOnce(&mut State)>;

#[derive(Default)]
struct State {
    capacity: usize,
    waiting: VecDeque<uapi::Event>,
    lost: u32,
    generated: u64,
    /// Label and level of each line.
    lines: HashMap<u32, (&'static str, bool)>,
    meanwhile: VecDeque<Meanwhile>,
}

impl State {
    fn event(&mut self, source: u16, kind: u16, line: u32, value: u32) {
        self.generated += 1;
        if self.waiting.len() == self.capacity {
            let oldest = self.waiting.pop_front().unwrap();
            self.lost += 1 + oldest.lost;
            if let Some(next) = self.waiting.front_mut() {
                next.lost += std::mem::take(&mut self.lost);
            }
        }
        self.waiting.push_back(uapi::Event {
            source,
            kind,
            line,
            value,
            lost: std::mem::take(&mut self.lost),
            ..Default::default()
        });
    }

    fn gpio(&mut self, kind: u16, line: u32, value: u32) {
        self.event(uapi::SOURCE_GPIO, kind, line, value);
    }

    fn edge(&mut self, line: u32, active: bool) {
        self.lines.get_mut(&line).unwrap().1 = active;
        let kind = match active {
            true => uapi::KIND_RISING,
            false => uapi::KIND_FALLING,
        };
        self.gpio(kind, line, active.into());
    }

    fn add(&mut self, line: u32, label: &'static str) {
        self.lines.insert(line, (label, false));
        self.gpio(uapi::KIND_ADDED, line, 0);
    }

    fn remove(&mut self, line: u32) {
        self.lines.remove(&line);
        self.gpio(uapi::KIND_REMOVED, line, 0);
    }
}

struct Fake(RefCell<State>);

impl Fake {
    fn new(capacity: usize) -> Self {
        let lines = HashMap::from([(0, ("button", false)), (7, ("door", true))]);
        Self(RefCell::new(State {
            capacity,
            lines,
            ..State::default()
        }))
    }

    fn does(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.0.borrow_mut());
    }

    /// Schedules a change before the driver answers the call after this many.
    fn meanwhile(&self, calls: usize, what: impl FnOnce(&mut State) + 'static) {
        let queue = &mut self.0.borrow_mut().meanwhile;
        (queue.len()..calls).for_each(|_| queue.push_back(Box::new(|_| {})));
        queue.push_back(Box::new(what));
    }

    fn answer(&self) -> std::cell::RefMut<'_, State> {
        let mut state = self.0.borrow_mut();
        if let Some(what) = state.meanwhile.pop_front() {
            what(&mut state);
        }
        state
    }
}

impl Driver for Fake {
    fn read(&self, records: &mut [Record]) -> Result<usize, Error> {
        let mut state = self.answer();
        let count = records.len().min(state.waiting.len());
        for (record, event) in records.iter_mut().zip(state.waiting.drain(..count)) {
            *record = event.into();
        }
        Ok(count)
    }

    fn levels(&self) -> Result<Levels, Error> {
        let state = self.answer();
        let mut levels = uapi::Levels {
            position: state.generated,
            ..Default::default()
        };
        for (line, (_, active)) in &state.lines {
            uapi::add_line(&mut levels.lines, *line);
            if *active {
                uapi::add_line(&mut levels.levels, *line);
            }
        }
        Ok(levels.into())
    }

    fn line(&self, number: u32) -> Result<LineInfo, Error> {
        let state = self.answer();
        let Some((label, active)) = state.lines.get(&number) else {
            return Err(Error::NoLine { number });
        };
        let mut line = uapi::Line {
            number,
            offset: number,
            value: u32::from(*active),
            flags: uapi::LINE_RISING | uapi::LINE_FALLING,
            ..Default::default()
        };
        line.label[..label.len()].copy_from_slice(label.as_bytes());
        Ok(line.into())
    }
}

/// Updates as the journal applies them.
#[derive(Default)]
struct Reported {
    lines: Lines,
    /// Kind, line, label and value of each event, and the number lost before it.
    events: Vec<(String, u32, String, u32, u32)>,
}

impl Reported {
    fn take(&mut self, reader: &mut Reader, driver: &Fake) {
        let count = driver.read(&mut reader.buffer).unwrap();
        self.accept(reader, driver, count);
        while reader.is_behind() {
            self.accept(reader, driver, 0);
        }
    }

    fn accept(&mut self, reader: &mut Reader, driver: &Fake, count: usize) {
        let (updates, looked) = reader.take(count, driver);
        looked.unwrap();
        for update in updates {
            let mut readings = update.readings;
            if let Some(lines) = &update.lines {
                self.lines.describe(lines);
                let mut after = self.lines.clone();
                readings.iter().for_each(|reading| after.apply(reading));
                readings.extend(after.differences(lines, 0));
            }
            for reading in readings {
                let label = self.lines.label_of(&reading);
                self.lines.apply(&reading);
                self.events.push((
                    reading.kind.name().into_owned(),
                    reading.line,
                    label.as_deref().unwrap_or("-").to_owned(),
                    reading.value,
                    reading.lost,
                ));
            }
        }
    }

    fn events(&mut self) -> Vec<String> {
        let said = |(kind, line, label, value, lost): (String, u32, String, u32, u32)| {
            let lost = match lost {
                0 => String::new(),
                _ => format!(", {lost} lost"),
            };
            format!("{kind} {line} {label} {value}{lost}")
        };
        self.events.drain(..).map(said).collect()
    }

    /// Whether labels and levels match the driver's.
    fn is_right(&self, driver: &Fake) -> bool {
        let known = self.lines.iter().map(|line| {
            let label = line.label.as_deref().unwrap_or("-");
            (line.number, (label.to_owned(), line.active))
        });
        let known: HashMap<_, _> = known.collect();
        let state = driver.0.borrow();
        let lines = state.lines.iter();
        known
            == lines
                .map(|(line, (label, active))| (*line, ((*label).to_owned(), Some(*active))))
                .collect()
    }
}

#[test]
fn lines_are_reported_before_events() {
    let driver = Fake::new(16);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    assert_eq!(reported.events(), ["level 0 button 0", "level 7 door 1"]);
    driver.does(|state| state.edge(0, true));
    driver.does(|state| state.event(uapi::SOURCE_TIMER, uapi::KIND_TICK, 0, 3));
    reported.take(&mut reader, &driver);
    assert_eq!(reported.events(), ["rising 0 button 1", "tick 0 - 3"]);
    assert!(reported.is_right(&driver));
    assert_eq!(reader.position(), 2);
}

#[test]
fn unknown_kinds_keep_their_loss_count() {
    let driver = Fake::new(1);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    driver.does(|state| state.edge(0, true));
    driver.does(|state| state.event(40, 50, 60, 70));
    reported.take(&mut reader, &driver);
    assert_eq!(
        reported.events(),
        ["kind-50 60 - 70, 1 lost", "level 0 button 1"]
    );
    assert!(reported.is_right(&driver));
}

#[test]
fn after_a_loss_levels_match_the_events_before_them() {
    let driver = Fake::new(2);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    for active in [false, true, false] {
        driver.does(|state| state.edge(7, active));
        driver.does(|state| state.edge(0, !active));
    }
    // The read returns both. Then one event is included in the levels, and one is not: it only precedes the description
    // of the lines.
    driver.meanwhile(1, |state| state.edge(0, false));
    driver.meanwhile(2, |state| state.edge(7, true));
    reported.take(&mut reader, &driver);
    assert_eq!(
        reported.events(),
        [
            "falling 7 door 0, 4 lost",
            "rising 0 button 1",
            "falling 0 button 0",
            "rising 7 door 1"
        ]
    );
    assert!(reported.is_right(&driver));
    assert_eq!(reader.position(), 8);
}

#[test]
fn a_line_that_returns_uses_its_new_label_from_then_on() {
    let driver = Fake::new(16);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    driver.does(|state| {
        state.edge(0, true);
        state.remove(0);
        state.add(0, "between");
        state.edge(0, true);
        state.remove(0);
        state.add(0, "bell");
        state.edge(7, false);
    });
    reported.take(&mut reader, &driver);
    assert_eq!(
        reported.events(),
        [
            "rising 0 button 1",
            "removed 0 button 0",
            // These labels are no longer available.
            "added 0 - 0",
            "rising 0 - 1",
            "removed 0 - 0",
            "added 0 bell 0",
            "falling 7 door 0"
        ]
    );
    assert!(reported.is_right(&driver));
}

#[test]
fn a_description_is_not_applied_to_the_previous_line() {
    let driver = Fake::new(16);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    driver.does(|state| state.add(1, "one"));
    // After the levels, and before line 0 is described.
    driver.meanwhile(2, |state| {
        state.edge(0, true);
        state.remove(0);
        state.add(0, "bell");
    });
    reported.take(&mut reader, &driver);
    let events = reported.events();
    assert_eq!(events[0], "added 1 one 0");
    assert_eq!(events.last().unwrap(), "added 0 bell 0");
    assert!(reported.is_right(&driver));
}

#[test]
fn lines_that_keep_being_added_have_their_labels() {
    let driver = Fake::new(64);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    // A line is added before each answer, even after all attempts have failed.
    let numbers = 100..130;
    for (call, number) in numbers.clone().enumerate() {
        driver.meanwhile(call, move |state| state.add(number, "new"));
    }
    reported.take(&mut reader, &driver);
    let expected: Vec<_> = numbers
        .map(|number| format!("added {number} new 0"))
        .collect();
    assert_eq!(reported.events(), expected);
    assert!(reported.is_right(&driver));
}

#[test]
fn a_line_that_keeps_returning_has_its_last_label_without_another_event() {
    let driver = Fake::new(1024);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    for call in 0..64 {
        driver.meanwhile(call, move |state| {
            state.remove(0);
            state.add(0, ["odd", "even"][call % 2]);
        });
    }
    reported.take(&mut reader, &driver);
    assert_eq!(reported.events().last().unwrap(), "added 0 even 0");
    assert!(reported.is_right(&driver));
}

#[test]
fn a_line_removed_meanwhile_keeps_its_label_until_then() {
    let driver = Fake::new(16);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    driver.does(|state| state.add(1, "one"));
    driver.meanwhile(2, |state| state.remove(7));
    reported.take(&mut reader, &driver);
    assert_eq!(reported.events(), ["added 1 one 0", "removed 7 door 0"]);
    assert!(reported.is_right(&driver));
}

#[test]
fn a_line_whose_added_event_was_lost_still_exists() {
    let driver = Fake::new(2);
    let (mut reader, mut reported) = (Reader::new(), Reported::default());
    reported.take(&mut reader, &driver);
    reported.events();
    driver.does(|state| {
        state.add(1, "one");
        state.edge(1, true);
        state.remove(0);
    });
    driver.meanwhile(1, |state| {
        state.add(0, "bell");
        state.edge(0, true);
        state.edge(7, false);
        state.edge(7, true);
    });
    reported.take(&mut reader, &driver);
    assert_eq!(
        reported.events(),
        [
            "rising 1 - 1, 1 lost",
            "removed 0 button 0",
            "falling 7 door 0, 2 lost",
            "rising 7 door 1",
            "level 0 bell 1",
            "level 1 one 1"
        ]
    );
    assert!(reported.is_right(&driver));
}

#[test]
fn a_burst_is_split_into_batches() {
    let driver = Fake::new(10 * BATCH);
    let mut reader = Reader::new();
    driver.does(|state| (0..3 * BATCH).for_each(|count| state.edge(0, count % 2 == 0)));
    let (updates, looked) = reader.take(0, &driver);
    looked.unwrap();
    let sizes: Vec<_> = updates.iter().map(|update| update.readings.len()).collect();
    assert_eq!(sizes, [BATCH, BATCH, BATCH, 0]);
    assert!(
        updates
            .iter()
            .rev()
            .skip(1)
            .all(|update| update.lines.is_none())
    );
    let lines = updates[3].lines.as_ref().unwrap();
    assert_eq!(lines.len(), 2);
}
