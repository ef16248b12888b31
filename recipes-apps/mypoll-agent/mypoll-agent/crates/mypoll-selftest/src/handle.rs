// SPDX-License-Identifier: MIT OR Apache-2.0

//! The open device.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

use crate::check::expect_eq;
use crate::cpus::let_timers_expire;
use crate::event::Event;

/// Room for any line.
pub(crate) const LINE_MAX: usize = 4096;

/// An event is queued.
pub(crate) const READABLE: PollFlags = PollFlags::POLLIN.union(PollFlags::POLLRDNORM);
/// The queue has room.
pub(crate) const WRITABLE: PollFlags = PollFlags::POLLOUT.union(PollFlags::POLLWRNORM);
/// Events were lost.
pub(crate) const LOSS: PollFlags = PollFlags::POLLPRI;

/// Longer than any line of the simulated chip bounces.
pub(crate) const LONGEST_BOUNCE: Duration = Duration::from_millis(60);

/// An open file of the device.
#[derive(Debug)]
pub(crate) struct Handle(File);

impl Handle {
    /// Opens the device for reading and writing.
    pub(crate) fn open(node: &Path, nonblocking: bool) -> std::io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(if nonblocking { libc::O_NONBLOCK } else { 0 })
            .open(node)
            .map(Self)
    }

    /// A second descriptor of the same open file.
    pub(crate) fn dup(&self) -> Result<Self> {
        self.0.try_clone().map(Self).context("dup")
    }

    /// One read(2).
    pub(crate) fn read(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        unistd::read(self, buffer)
    }

    /// One write(2).
    pub(crate) fn write(&self, bytes: impl AsRef<[u8]>) -> nix::Result<usize> {
        unistd::write(self, bytes.as_ref())
    }

    /// One read(2) that must return a line.
    pub(crate) fn line(&self) -> Result<String> {
        let mut buffer = [0; LINE_MAX];
        let length = self.read(&mut buffer).context("read")?;
        ensure!(length > 0, "read: seen end of file, expected a line");
        Ok(String::from_utf8(buffer[..length].to_vec())?)
    }

    /// One read(2) that must return an event.
    pub(crate) fn event(&self) -> Result<Event> {
        self.line()?.parse()
    }

    /// Waits for an event with poll(2), then reads it.
    pub(crate) fn next_event(&self) -> Result<Event> {
        self.wait(PollFlags::POLLIN)?;
        self.event()
    }

    /// Reads events until there are none; the file must be non-blocking.
    pub(crate) fn drain(&self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut buffer = [0; LINE_MAX];
        loop {
            match self.read(&mut buffer) {
                Ok(length) => events.push(std::str::from_utf8(&buffer[..length])?.parse()?),
                Err(Errno::EAGAIN) => return Ok(events),
                Err(errno) => return Err(errno).context("read while draining"),
            }
        }
    }

    /// Reads everything, from a plain file or one with a queue; the file must be non-blocking.
    pub(crate) fn read_all(&self) -> Result<()> {
        loop {
            match self.read(&mut [0; LINE_MAX]) {
                Ok(_) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(errno).context("read"),
            }
        }
    }

    /// One write(2) that must be accepted as a whole.
    pub(crate) fn command(&self, command: &str) -> Result<()> {
        let taken = self
            .write(command)
            .with_context(|| format!("write {command:?}"))?;
        expect_eq(
            format_args!("bytes taken of {command:?}"),
            taken,
            command.len(),
        )
    }

    /// Reads events until the lines of the simulated chip report no more.
    pub(crate) fn drain_until_quiet(&self) -> Result<()> {
        loop {
            self.drain()?;
            let_timers_expire(LONGEST_BOUNCE)?;
            if self.wait_at_most(0)?.is_empty() {
                return Ok(());
            }
        }
    }

    /// Queues an event.
    pub(crate) fn trigger(&self) -> Result<()> {
        self.command("trigger")
    }

    /// Writes triggers until the queue is full; returns how many it accepted.
    pub(crate) fn fill(&self) -> Result<usize> {
        let mut taken = 0;
        loop {
            match self.write("trigger") {
                Ok(_) => taken += 1,
                Err(Errno::ENOBUFS) => return Ok(taken),
                Err(errno) => return Err(errno).context("write while filling"),
            }
        }
    }

    /// The immediate result of poll(2) for all events.
    pub(crate) fn readiness(&self) -> Result<PollFlags> {
        self.poll(PollFlags::all(), PollTimeout::ZERO)
    }

    /// Waits with poll(2) for any of `events`, and returns the result.
    pub(crate) fn wait(&self, events: PollFlags) -> Result<PollFlags> {
        self.poll(events, PollTimeout::NONE)
    }

    /// Waits for an event with poll(2) for `ms` milliseconds at most.
    pub(crate) fn wait_at_most(&self, ms: u16) -> Result<PollFlags> {
        self.poll(PollFlags::POLLIN, PollTimeout::from(ms))
    }

    /// Fails if an event arrives within `ms` milliseconds, for cases in which none may ever arrive.
    pub(crate) fn expect_silence(&self, ms: u16) -> Result<()> {
        if !self.wait_at_most(ms)?.is_empty() {
            bail!("seen {:?}, expected no event", self.line()?);
        }
        Ok(())
    }

    fn poll(&self, events: PollFlags, timeout: PollTimeout) -> Result<PollFlags> {
        let mut files = [PollFd::new(self.as_fd(), events)];
        poll(&mut files, timeout).context("poll")?;
        files[0].revents().context("poll: an unknown flag")
    }
}

impl From<File> for Handle {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
