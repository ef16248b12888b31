// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as they arrive.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use clap::Args as ClapArgs;
use mypoll::{
    Device, Kind, Source,
    queue::{Overflow, Position, Queue, Record},
};
use mypoll_protocol::{Event, Message, Request, Resume};

use super::{labels::Labels, lines, select::Select};
use crate::{
    print::Format,
    remote::{Follow, Reconnect, Target},
};

/// Which events to print, and when to stop.
#[derive(ClapArgs)]
#[command(
    after_help = "Examples:\n  mypollctl monitor --label door --kind rising --count 1\n  \
                  mypollctl --connect tcp:board:7070 monitor --json --since 5f3a9c1e7b2d4a60-26"
)]
pub struct Args {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    select: Select,
    /// Exit after N events [default: run until interrupted]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print events since this one first (--connect)
    #[arg(long, value_name = "SESSION-EVENT", value_parser = position)]
    since: Option<Resume>,
    /// Take events from the shared queue: other readers do not get them
    #[arg(long, conflicts_with_all = ["line", "label", "kind", "since"])]
    pub shared: bool,
    #[command(flatten)]
    pub reconnect: Reconnect,
}

fn position(text: &str) -> Result<Resume, &'static str> {
    text.split_once('-')
        .and_then(|(session, event)| {
            Some(Resume {
                session: session.to_owned(),
                event: event.parse().ok()?,
            })
        })
        .ok_or("expected a session and a number such as 5f3a9c1e7b2d4a60-26")
}

/// From a private queue of the driver.
pub fn local(device: Device, args: &Args, output: &mut impl Write) -> Result<()> {
    if args.since.is_some() {
        anyhow::bail!("the driver does not store past events: --since needs --connect");
    }
    let config = args.select.queue(&device)?.overflow(Overflow::DropOldest);
    let queue = device.into_queue(&config)?;
    args.format.header(output)?;
    let mut events = Events::new(queue);
    for _ in 0..args.count.unwrap_or(u64::MAX) {
        args.format.event(&events.next()?, output)?;
    }
    Ok(())
}

/// From the shared queue.
pub fn shared(device: &Device, args: &Args, output: &mut impl Write) -> Result<()> {
    // A driver without this feature still has events.
    let mut labels = Labels::from(lines::of(device).unwrap_or_default());
    args.format.header(output)?;
    for _ in 0..args.count.unwrap_or(u64::MAX) {
        let event = device.read_event()?;
        let label = (event.source == Source::Gpio)
            .then(|| labels.of(event.line, |line| device.line(line)))
            .flatten();
        if event.kind == Kind::Removed {
            labels.forget(event.line);
        }
        let event = Event {
            event: event.sequence.into(),
            source: event.source.as_str().into(),
            kind: event.kind.as_str().into(),
            line: event.line,
            label: label.map(Into::into),
            value: event.value,
            lost: event.lost,
            time: wall_time(event.timestamp_ns).into(),
            clock: None,
            timestamp_ns: event.timestamp_ns,
        };
        args.format.event(&event, output)?;
    }
    Ok(())
}

/// From an agent.
pub fn remote(target: &Target, args: &Args, output: &mut impl Write) -> Result<()> {
    let request = Request {
        filter: args.select.filter(),
        resume: args.since.clone(),
        ..Request::default()
    };
    let mut follow = Follow::start(target, &args.reconnect, request)?;
    let format = args.format.of_agent();
    format.header(output)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(message) = follow.next_until(None)? else {
            continue;
        };
        format.message(&message, output)?;
        if matches!(message, Message::Event(_)) {
            left -= 1;
        }
    }
    Ok(())
}

/// The events of a queue, with their labels.
pub struct Events {
    queue: Queue,
    labels: Labels,
    position: Position,
    records: Vec<Record>,
}

impl Events {
    /// For a queue of which nothing was read yet.
    pub fn new(queue: Queue) -> Self {
        Self {
            queue,
            labels: Labels::default(),
            position: Position::new(),
            records: Vec::new(),
        }
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Waits for the next event, unless the device was opened non-blocking.
    ///
    /// # Errors
    ///
    /// [`mypoll::Error`].
    pub fn next(&mut self) -> Result<Event<'static>> {
        loop {
            if let Some(event) = self.take()? {
                return Ok(event);
            }
        }
    }

    /// The next event; reads at most once.
    ///
    /// # Errors
    ///
    /// [`mypoll::Error`].
    pub fn take(&mut self) -> Result<Option<Event<'static>>> {
        if self.records.is_empty() {
            let mut records = [Record::default(); 64];
            let count = self.queue.read(&mut records)?;
            self.records = records[..count].to_vec();
            self.records.reverse();
        }
        Ok(self.records.pop().map(|record| self.event(&record)))
    }

    fn event(&mut self, record: &Record) -> Event<'static> {
        let name = |known: Option<&'static str>, number: u16, what| match known {
            Some(name) => name.into(),
            None => format!("{what}-{number}").into(),
        };
        let (source, source_number) = split(record.source().map(|source| source.as_str()));
        let (kind, kind_number) = split(record.kind().map(|kind| kind.as_str()));
        if matches!(record.kind(), Ok(Kind::Added)) {
            self.labels.forget(record.line());
        }
        let label = matches!(record.source(), Ok(Source::Gpio))
            .then(|| self.labels.of(record.line(), |line| self.queue.line(line)))
            .flatten();
        Event {
            event: self.position.advance(record),
            source: name(source, source_number, "source"),
            kind: name(kind, kind_number, "kind"),
            line: record.line(),
            label: label.map(Into::into),
            value: record.value(),
            lost: record.lost(),
            time: wall_time(record.timestamp_ns()).into(),
            clock: None,
            timestamp_ns: record.timestamp_ns(),
        }
    }
}

fn split(known: Result<&'static str, u16>) -> (Option<&'static str>, u16) {
    match known {
        Ok(name) => (Some(name), 0),
        Err(number) => (None, number),
    }
}

/// The wall-clock time of a CLOCK_MONOTONIC time stamp, in RFC 3339.
fn wall_time(monotonic_ns: u64) -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now = Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    );
    let age = now.saturating_sub(Duration::from_nanos(monotonic_ns));
    let time = SystemTime::now()
        .checked_sub(age)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_micros(time).to_string()
}
