// SPDX-License-Identifier: GPL-2.0-only

//! The table of GPIO lines by number.

use super::{
    edges::Edges,
    label::Label,
    Gpio, //
};
use crate::{
    bus::Bus,
    kernel_ext::{
        gpio::Input,
        interrupt::EdgeDetection,
        oneshot::OneShot, //
    },
    text::c_array,
    uapi, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The highest line number.
pub(crate) const NUMBER_MAX: u32 = uapi::LINES_MAX as u32 - 1;

/// The properties of a line that a program can query.
pub(crate) struct LineInfo {
    pub(crate) label: Label,
    pub(crate) input: Arc<Input>,
    /// The edges of the logical level that are reported.
    pub(crate) reported: EdgeDetection,
    /// The debounce time, 0 if it is not debounced.
    pub(crate) debounce_us: u32,
    /// Whether the driver, rather than the chip, debounces it.
    pub(crate) debounced_by_driver: bool,
    /// Whether it wakes the machine from suspend.
    pub(crate) wakes: bool,
}

impl LineInfo {
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

/// A line, at the index equal to its number.
struct Entry {
    info: LineInfo,
    /// Its edges, once it is listed.
    edges: Option<Arc<OneShot<Edges>>>,
}

/// The lines.
pub(crate) struct LineTable {
    lines: KVec<Option<Entry>>,
}

impl LineTable {
    /// Creates an empty table.
    pub(crate) fn new() -> Self {
        Self { lines: KVec::new() }
    }

    /// Returns the numbers and labels of the listed lines, lowest number first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.listed()
            .map(|(number, info, _)| (number, info.label.as_bytes()))
    }

    /// Returns the set of listed lines.
    pub(crate) fn set(&self) -> uapi::LineSet {
        let mut set = uapi::LineSet::default();
        for (number, ..) in self.listed() {
            uapi::add_line(&mut set, number as u32);
        }
        set
    }

    /// Returns the listed lines that report only one kind of edge, and those of them that are active
    /// now: their events do not show it. May sleep.
    pub(crate) fn one_edge_levels(&self) -> (uapi::LineSet, uapi::LineSet) {
        let mut lines = uapi::LineSet::default();
        let mut levels = uapi::LineSet::default();
        let one_edge = |info: &LineInfo| info.reported != EdgeDetection::Both;
        for (number, info, _) in self.listed().filter(|(_, info, _)| one_edge(info)) {
            uapi::add_line(&mut lines, number as u32);
            // The line of a removed chip is about to be removed.
            if info.input.level_may_sleep() == Ok(true) {
                uapi::add_line(&mut levels, number as u32);
            }
        }
        (lines, levels)
    }

    /// Returns the description of a line, with its current level. May sleep.
    ///
    /// `ENOENT` if there is no such line, gpiolib's error if its level can't be read: `ENODEV` if its
    /// chip is gone.
    pub(crate) fn describe(&self, bus: &Bus, number: u32) -> Result<uapi::Line> {
        let (_, info, edges) = self.get(number as usize).ok_or(ENOENT)?;
        let account = bus.line(number);
        Ok(uapi::Line {
            number,
            offset: info.input.offset(),
            value: info.input.level_may_sleep()?.into(),
            flags: info.flags(),
            debounce_us: info.debounce_us,
            reserved: 0,
            label: c_array(info.label.as_bytes()),
            line_sequence: account.sequence,
            reserved2: 0,
            edges: edges.edges(),
            reported: account.reported,
            bounced: edges.bounced(),
            dropped: account.dropped,
            chip: c_array(info.input.chip_name().to_bytes()),
        })
    }

    fn get(&self, number: usize) -> Option<(usize, &LineInfo, &Edges)> {
        let entry = self.lines.get(number)?.as_ref()?;
        Some((number, &entry.info, entry.edges.as_ref()?))
    }

    fn listed(&self) -> impl Iterator<Item = (usize, &LineInfo, &Edges)> {
        (0..self.lines.len()).filter_map(|number| self.get(number))
    }

    fn insert(
        &mut self,
        wanted: Option<u32>,
        claimed: &uapi::LineSet,
        info: LineInfo,
    ) -> Result<usize> {
        let is_free = |number: &usize| !matches!(self.lines.get(*number), Some(Some(_)));
        let number = wanted
            .map(|number| number as usize)
            .filter(is_free)
            .or_else(|| {
                (0..=NUMBER_MAX)
                    .filter(|number| !uapi::has_line(claimed, *number))
                    .map(|number| number as usize)
                    .find(is_free)
            })
            .ok_or(ENOSPC)?;
        while self.lines.len() <= number {
            self.lines.push(None, GFP_KERNEL)?;
        }
        self.lines[number] = Some(Entry { info, edges: None });
        Ok(number)
    }
}

/// A number that is reserved for one line until this is dropped.
pub(crate) struct LineNumber {
    gpio: Arc<Gpio>,
    number: usize,
}

impl LineNumber {
    /// Adds a line to the table, under the number `wanted`, up to [`NUMBER_MAX`], or the lowest free
    /// number outside `claimed`. Programs do not see it before [`list`](Self::list).
    ///
    /// `ENOSPC` if no number is free.
    pub(crate) fn take(
        gpio: &Arc<Gpio>,
        wanted: Option<u32>,
        claimed: &uapi::LineSet,
        info: LineInfo,
    ) -> Result<Self> {
        let number = gpio.lines.lock().insert(wanted, claimed, info)?;
        Ok(Self {
            gpio: gpio.clone(),
            number,
        })
    }

    /// Shows the line to programs.
    pub(crate) fn list(&self, edges: Arc<OneShot<Edges>>) {
        if let Some(entry) = &mut self.gpio.lines.lock().lines[self.number] {
            entry.edges = Some(edges);
        }
    }

    /// Hides the line from programs. Returns its edges, if it was listed.
    pub(crate) fn unlist(&self) -> Option<Arc<OneShot<Edges>>> {
        let mut table = self.gpio.lines.lock();
        table.lines[self.number].as_mut()?.edges.take()
    }

    /// Returns the number.
    pub(crate) fn get(&self) -> u32 {
        self.number as u32
    }

    /// Returns the bus for the line's events.
    pub(crate) fn bus(&self) -> &Bus {
        &self.gpio.bus
    }
}

impl Drop for LineNumber {
    fn drop(&mut self) {
        let entry = self.gpio.lines.lock().lines[self.number].take();
        // Not under the lock: this releases the line to gpiolib.
        drop(entry);
    }
}
