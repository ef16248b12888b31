// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that requests lines and waits for their edges: a chip on a slow bus may block it.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};
use tokio::sync::mpsc::Sender;
use tracing::{info, warn};

use super::{
    config::Entry,
    look,
    requested::{LINES_MAX, Place, Requested},
};
use crate::{
    event::Reading,
    gpio::{Chips, Missing},
    journal::Update,
    lines::Lines,
    reason::words,
    status::{Condition, Reporter},
};

/// Maximum number of events of a request per update.
const BATCH: usize = 1024;

/// How long to wait for lines that something else uses, in milliseconds.
const RETRY_MS: u16 = 2000;

pub(super) struct Worker {
    pub(super) entries: Vec<Entry>,
    pub(super) updates: Sender<Update>,
    pub(super) reporter: Reporter,
    /// The thread exits when the other end is closed.
    pub(super) stop: OwnedFd,
    pub(super) requests: Vec<Requested>,
    pub(super) missing: BTreeMap<u32, Missing>,
    pub(super) lines: Lines,
}

impl Worker {
    /// Runs until it is stopped, and then reads the remaining events.
    pub(super) fn run(mut self) {
        // Before looking for lines, so that no change is missed.
        let devices = watch_devices();
        let all = 0..self.entries.len() as u32;
        self.missing = all
            .map(|number| (number, Missing::Absent(String::new())))
            .collect();
        let (mut stop, mut look, mut ready) = (false, true, Vec::new());
        loop {
            // Everything but the wait: if a chip or the journal blocks it, the watchdog must notice.
            let busy = self.reporter.busy();
            self.read(&ready);
            if stop {
                return;
            }
            if look && !self.missing.is_empty() {
                self.request_missing();
            }
            drop(busy);
            let Some(happened) = self.wait(devices.as_ref().ok()) else {
                return;
            };
            (stop, look, ready) = happened;
        }
    }

    /// Waits; returns whether to stop, whether devices may have changed, and which requests are ready.
    fn wait(&self, devices: Option<&Inotify>) -> Option<(bool, bool, Vec<bool>)> {
        let input = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![input(self.stop.as_fd())];
        fds.extend(self.requests.iter().map(|request| input(request.as_fd())));
        let watched = devices.filter(|_| !self.missing.is_empty());
        fds.extend(watched.map(|devices| input(devices.as_fd())));
        let is_busy = |missing: &Missing| matches!(missing, Missing::Busy(_));
        let timeout = match self.missing.values().any(is_busy)
            || (devices.is_none() && !self.missing.is_empty())
        {
            true => PollTimeout::from(RETRY_MS),
            false => PollTimeout::NONE,
        };
        let count = match poll(&mut fds, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => return Some((false, false, vec![false; self.requests.len()])),
            Err(error) => {
                warn!("gpiochip: cannot wait for edges: {error}");
                return None;
            }
        };
        let happened = |fd: &PollFd| fd.any().unwrap_or(true);
        let ready = fds[1..=self.requests.len()].iter().map(happened).collect();
        let changed = watched.is_some() && fds.last().is_some_and(happened);
        if let Some(devices) = watched.filter(|_| changed) {
            // The kind of change does not matter.
            let _ = devices.read_events();
        }
        let stop = happened(&fds[0]);
        Some((stop, changed || count == 0, ready))
    }

    /// Reads the requests that are ready; lines of a removed chip become missing.
    fn read(&mut self, ready: &[bool]) {
        let mut readings = Vec::new();
        let mut with_loss = Vec::new();
        let mut gone = Vec::new();
        for (index, request) in self.requests.iter_mut().enumerate() {
            if !ready.get(index).copied().unwrap_or(false) {
                continue;
            }
            match request.read(BATCH) {
                Ok(read) if read.is_empty() && has_hung_up(request) => gone.push(index),
                Ok(read) => {
                    if read.iter().any(|reading| reading.lost > 0) {
                        with_loss.push(index);
                    }
                    readings.extend(read);
                }
                Err(error) => {
                    warn!("gpiochip: cannot read edges: {}", words(&error));
                    gone.push(index);
                }
            }
        }
        if ready.iter().filter(|ready| **ready).count() > 1 {
            readings.sort_by_key(|reading| reading.timestamp_ns);
        }
        self.send(readings);
        for index in with_loss {
            if self.look(index).is_err() {
                gone.push(index);
            }
        }
        gone.sort_unstable();
        gone.dedup();
        let any = !gone.is_empty();
        for index in gone.into_iter().rev() {
            let request = self.requests.swap_remove(index);
            for number in request.numbers() {
                self.missing
                    .insert(number, Missing::Absent("its chip was removed".to_owned()));
            }
        }
        if any {
            let missing = &self.missing;
            let there = self
                .lines
                .iter()
                .filter(|line| !missing.contains_key(&line.number));
            self.lines = there.cloned().collect();
            self.send_lines();
            // It may be back already.
            self.request_missing();
        }
    }

    /// Reads the levels of a request's lines.
    fn look(&mut self, index: usize) -> gpiocdev::Result<()> {
        let Some(request) = self.requests.get_mut(index) else {
            return Ok(());
        };
        let (readings, values) = request.levels()?;
        let lines = request.lines(&self.entries, &values);
        self.send(readings);
        let others = self
            .lines
            .iter()
            .filter(|line| lines.iter().all(|new| new.number != line.number));
        self.lines = others.cloned().chain(lines.iter().cloned()).collect();
        self.send_lines();
        Ok(())
    }

    /// Requests missing lines that are available now, and reports once why others are not.
    fn request_missing(&mut self) {
        let chips = Chips::now(look);
        let mut missing = BTreeMap::new();
        let entries = std::mem::take(&mut self.entries);
        for found in &chips.found {
            let mut places = Vec::new();
            for number in self.missing.keys() {
                let entry = &entries[*number as usize];
                if let Ok((chip, offset)) = chips.find(&entry.line)
                    && chip.path == found.path
                {
                    places.push(Place {
                        number: *number,
                        entry,
                        offset,
                    });
                }
            }
            while !places.is_empty() {
                let rest = places.split_off(places.len().min(LINES_MAX));
                while !places.is_empty() {
                    match Requested::new(&found.path, &found.name, &places) {
                        Ok(request) => {
                            places.clear();
                            self.requests.push(request);
                        }
                        Err(busy) => {
                            missing.extend(busy);
                            places.retain(|place| !missing.contains_key(&place.number));
                        }
                    }
                }
                places = rest;
            }
        }
        for number in self.missing.keys() {
            if let Err(reason) = chips.find(&entries[*number as usize].line) {
                missing.insert(*number, reason);
            }
        }
        self.entries = entries;
        let before = std::mem::replace(&mut self.missing, missing);
        self.look_at_new(&before);
        self.say();
    }

    /// Reads lines that are no longer missing.
    fn look_at_new(&mut self, before: &BTreeMap<u32, Missing>) {
        let is_new =
            |number: u32| before.contains_key(&number) && !self.missing.contains_key(&number);
        let new = self.requests.iter().enumerate();
        let new = new.filter(|(_, request)| request.numbers().any(is_new));
        let new: Vec<_> = new.map(|(index, _)| index).collect();
        for index in new {
            if let Err(error) = self.look(index) {
                // The next read gets the same error.
                warn!("gpiochip: cannot read levels: {}", words(&error));
            }
        }
    }

    fn say(&self) {
        let mut reasons: Vec<_> = self.missing.values().map(Missing::reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let there = self.entries.len() - self.missing.len();
        let condition = match reasons.is_empty() {
            true => Condition::Working,
            false => Condition::Waiting(reasons.join("; ")),
        };
        if self.reporter.set(condition) || reasons.is_empty() {
            info!(
                "reading {there} of {} lines of GPIO chips",
                self.entries.len()
            );
            if !reasons.is_empty() {
                warn!("waiting for GPIO lines: {}", reasons.join("; "));
            }
        }
    }

    fn send(&mut self, readings: Vec<Reading>) {
        if readings.is_empty() {
            return;
        }
        readings
            .iter()
            .for_each(|reading| self.lines.apply(reading));
        let lost = readings.iter().map(|reading| u64::from(reading.lost));
        self.reporter.add("events", readings.len() as u64);
        self.reporter.add("lost", lost.sum());
        self.give(Update {
            readings,
            lines: None,
        });
    }

    fn send_lines(&self) {
        self.give(Update {
            readings: Vec::new(),
            lines: Some(self.lines.iter().cloned().collect()),
        });
    }

    fn give(&self, update: Update) {
        // The receiver is gone if the source was replaced; the thread then exits soon.
        let _ = self.updates.blocking_send(update);
    }
}

/// Whether a request's chip was removed.
fn has_hung_up(request: &Requested) -> bool {
    let mut fd = [PollFd::new(request.as_fd(), PollFlags::POLLIN)];
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    poll(&mut fd, PollTimeout::ZERO).is_ok()
        && fd[0].revents().is_none_or(|events| events.intersects(gone))
}

/// Watches for new device files and changed permissions.
fn watch_devices() -> nix::Result<Inotify> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
    inotify.add_watch("/dev", flags)?;
    Ok(inotify)
}
