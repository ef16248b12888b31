// SPDX-License-Identifier: GPL-2.0-only

//! Which GPIO lines there are, and what there is to know of each.

use crate::{
    abstractions::{
        gpio::Input,
        interrupt::EdgeDetection, //
    },
    hub::Hub,
    text::c_array,
    uapi, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// The highest number that a line may have: more lines than any board has buttons.
pub(crate) const NUMBER_MAX: u32 = uapi::LINES_MAX as u32 - 1;

/// A line, as programs see it.
pub(crate) struct Description {
    pub(crate) label: CString,
    pub(crate) input: Arc<Input>,
    /// The edges of the logical level that give an event.
    pub(crate) reported: EdgeDetection,
    /// How long it has to be quiet, 0 when it is not debounced.
    pub(crate) debounce_us: u32,
    /// Whether the driver does that, and not the chip.
    pub(crate) debounced_by_driver: bool,
    /// Whether it wakes the machine from suspend.
    pub(crate) wakes: bool,
}

impl Description {
    fn flags(&self) -> u32 {
        [
            (self.input.is_active_low(), uapi::LINE_ACTIVE_LOW),
            (self.reported.detects(true), uapi::LINE_RISING),
            (self.reported.detects(false), uapi::LINE_FALLING),
            (self.wakes, uapi::LINE_WAKEUP),
            (self.debounced_by_driver, uapi::LINE_DEBOUNCED),
        ]
        .iter()
        .filter(|(holds, _)| *holds)
        .fold(0, |flags, (_, flag)| flags | flag)
    }
}

/// A line, at the index that is its number.
struct Entry {
    line: Description,
    /// Whether programs see it yet.
    listed: bool,
}

/// The lines.
pub(crate) struct LineTable {
    lines: KVec<Option<Entry>>,
}

impl LineTable {
    /// A table without a line.
    pub(crate) fn new() -> Self {
        Self { lines: KVec::new() }
    }

    /// The listed lines' numbers and labels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &CString)> {
        (0..self.lines.len()).filter_map(|number| Some((number, &self.listed(number)?.label)))
    }

    fn listed(&self, number: usize) -> Option<&Description> {
        let entry = self.lines.get(number)?.as_ref()?;
        entry.listed.then_some(&entry.line)
    }

    /// Which lines there are.
    pub(crate) fn set(&self) -> uapi::LineSet {
        let mut set = uapi::LineSet::default();
        for (number, _) in self.iter() {
            set[number / 64] |= 1 << (number % 64);
        }
        set
    }

    /// What there is to know of a line, its level now included. May sleep.
    ///
    /// `ENOENT` when there is no such line, what gpiolib says when its level can't be read: `ENODEV`
    /// when its chip is gone.
    pub(crate) fn describe(&self, number: u32) -> Result<uapi::Line> {
        let line = self.listed(number as usize).ok_or(ENOENT)?;
        Ok(uapi::Line {
            number,
            offset: line.input.offset(),
            value: line.input.level_may_sleep()?.into(),
            flags: line.flags(),
            debounce_us: line.debounce_us,
            reserved: 0,
            label: c_array(line.label.to_bytes()),
        })
    }

    fn insert(&mut self, number: Option<usize>, line: Description) -> Result<usize> {
        let lowest_free = || {
            let free = self.lines.iter().position(Option::is_none);
            free.unwrap_or(self.lines.len())
        };
        let number = number.unwrap_or_else(lowest_free);
        if number > NUMBER_MAX as usize {
            return Err(ENOSPC);
        }
        while self.lines.len() <= number {
            self.lines.push(None, GFP_KERNEL)?;
        }
        if self.lines[number].is_some() {
            return Err(EEXIST);
        }
        self.lines[number] = Some(Entry {
            line,
            listed: false,
        });
        Ok(number)
    }
}

/// A number, held for a line as long as it is there.
pub(crate) struct LineNumber {
    hub: Arc<Hub>,
    number: usize,
}

impl LineNumber {
    /// Enters a line into the hub's table, under the lowest number that is free unless it asks for
    /// one. Programs do not see it before [`Self::list`].
    ///
    /// `EEXIST` for a number that is taken, `ENOSPC` over [`NUMBER_MAX`].
    pub(crate) fn take(hub: &Arc<Hub>, number: Option<u32>, line: Description) -> Result<Self> {
        let number = number.map(|number| number as usize);
        let number = hub.lines.lock().insert(number, line)?;
        Ok(Self {
            hub: hub.clone(),
            number,
        })
    }

    /// Shows the line to programs: its edges are events by now.
    pub(crate) fn list(&self) {
        if let Some(entry) = &mut self.hub.lines.lock().lines[self.number] {
            entry.listed = true;
        }
    }

    /// Whether programs see the line.
    pub(crate) fn is_listed(&self) -> bool {
        self.hub.lines.lock().listed(self.number).is_some()
    }

    /// The number.
    pub(crate) fn get(&self) -> u32 {
        self.number as u32
    }

    /// The hub that it was taken from.
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }
}

impl Drop for LineNumber {
    fn drop(&mut self) {
        let line = self.hub.lines.lock().lines[self.number].take();
        drop(line);
    }
}
