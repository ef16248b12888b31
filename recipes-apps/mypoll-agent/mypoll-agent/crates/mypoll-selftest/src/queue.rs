// SPDX-License-Identifier: MIT OR Apache-2.0

//! A file with a private queue.

use std::ops::Deref;

use anyhow::{Context, Result, ensure};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Event, Stats};
use nix::errno::Errno;
use nix::poll::PollFlags;

use crate::check::expect_eq;
use crate::cpus::let_timers_expire;
use crate::device::Device;
use crate::handle::{Handle, LONGEST_BOUNCE};

/// The size of a record in bytes.
pub(crate) const RECORD: usize = size_of::<Event>();

/// A configured open file of the device.
#[derive(Debug)]
pub(crate) struct Queue(Handle);

impl Queue {
    /// Opens the device with `O_NONBLOCK` and configures it.
    pub(crate) fn open(device: &Device, config: Config) -> Result<Self> {
        Self::over(device.open_nonblocking()?, config)
    }

    /// Opens the device with `O_NONBLOCK` for a queue of `capacity` events.
    pub(crate) fn of_capacity(device: &Device, capacity: u32) -> Result<Self> {
        let config = Config {
            capacity,
            ..Default::default()
        };
        Self::open(device, config)
    }

    /// Opens the device for blocking reads and configures it.
    pub(crate) fn open_blocking(device: &Device, config: Config) -> Result<Self> {
        Self::over(device.open()?, config)
    }

    /// Configures an open file.
    pub(crate) fn over(handle: Handle, config: Config) -> Result<Self> {
        handle
            .configure(config)
            .with_context(|| format!("MYPOLL_CONFIGURE with {config:?}"))?;
        Ok(Self(handle))
    }

    /// `MYPOLL_GET_STATS`.
    pub(crate) fn stats_as_told(&self) -> Result<Stats> {
        self.ioctl(ioctl::GET_STATS, Stats::default())
            .context("MYPOLL_GET_STATS")
    }

    /// The account, which must be consistent.
    pub(crate) fn stats(&self) -> Result<Stats> {
        let stats = self.stats_as_told()?;
        ensure!(
            stats.generated == stats.read + stats.lost + u64::from(stats.depth),
            "seen {stats:?}, expected generated = read + lost + depth"
        );
        ensure!(
            stats.depth <= stats.high_water && stats.depth <= stats.capacity,
            "seen {stats:?}, expected no more depth than high_water and capacity"
        );
        Ok(stats)
    }

    /// Expects these counts in the account.
    pub(crate) fn expect_account(&self, read: u64, lost: u64, depth: u32) -> Result<()> {
        let stats = self.stats()?;
        expect_eq(
            "read, lost and depth",
            (stats.read, stats.lost, stats.depth),
            (read, lost, depth),
        )
    }

    /// One read(2) with room for `max` records.
    pub(crate) fn read_records(&self, max: usize) -> nix::Result<Vec<Event>> {
        let mut events = vec![Event::default(); max];
        let length = self.read_to(events.as_mut_ptr().cast(), max * RECORD)?;
        assert_eq!(length % RECORD, 0, "a read gave {length} bytes");
        events.truncate(length / RECORD);
        Ok(events)
    }

    /// Reads events until there are none; the file must be non-blocking.
    pub(crate) fn drain_records(&self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            match self.read_records(64) {
                Ok(more) => events.extend(more),
                Err(Errno::EAGAIN) => return Ok(events),
                Err(errno) => return Err(errno).context("read while draining"),
            }
        }
    }

    /// Reads events until the lines of the simulated chip report no more.
    pub(crate) fn drain_until_quiet_records(&self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        loop {
            events.extend(self.drain_records()?);
            let_timers_expire(LONGEST_BOUNCE)?;
            if self.wait_at_most(0)?.is_empty() {
                return Ok(events);
            }
        }
    }

    /// Waits with poll(2) until it is readable and reads one event.
    pub(crate) fn next_record(&self) -> Result<Event> {
        self.wait(PollFlags::POLLIN)?;
        let events = self.read_records(1).context("read")?;
        Ok(events[0])
    }

    /// Queues `count` events.
    pub(crate) fn triggers(&self, count: usize) -> Result<()> {
        (0..count).try_for_each(|_| self.trigger())
    }
}

impl Deref for Queue {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.0
    }
}

impl Handle {
    /// `MYPOLL_CONFIGURE`.
    pub(crate) fn configure(&self, config: Config) -> nix::Result<()> {
        self.ioctl(ioctl::CONFIGURE, config).map(drop)
    }
}

/// The sequence numbers of events.
pub(crate) fn sequences(events: &[Event]) -> Vec<u32> {
    events.iter().map(|event| event.sequence).collect()
}

/// The loss count of each event.
pub(crate) fn losses(events: &[Event]) -> Vec<u32> {
    events.iter().map(|event| event.lost).collect()
}

/// A set of one GPIO line.
pub(crate) fn only_line(number: u32) -> uapi::LineSet {
    let mut lines = uapi::LineSet::default();
    uapi::add_line(&mut lines, number);
    lines
}
