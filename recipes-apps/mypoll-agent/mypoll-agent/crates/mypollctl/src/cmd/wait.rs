// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits for an edge of a line, for scripts.

use std::{
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::{Args as ClapArgs, ValueEnum};
use mypoll::{Device, Kind, queue};
use mypoll_protocol::{Filter, Message, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{monitor::Events, select};
use crate::{
    print::Format,
    remote::{Follow, Reconnect, Target},
};

/// The exit status of timeout(1).
const TIMED_OUT: u8 = 124;

/// The edge to wait for.
#[derive(ClapArgs)]
#[command(after_help = "Example: mypollctl wait door --edge rising --timeout 10s && echo open")]
pub struct Args {
    /// Label or number of the line
    #[arg(value_name = "LINE")]
    line: String,
    /// Which edge
    #[arg(long, value_enum, default_value = "both")]
    edge: Edge,
    /// Give up after this time, such as 500ms or 1h [default: never]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    pub reconnect: Reconnect,
}

#[derive(Clone, Copy, ValueEnum)]
enum Edge {
    Rising,
    Falling,
    Both,
}

impl Edge {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Rising => &[Kind::Rising],
            Self::Falling => &[Kind::Falling],
            Self::Both => &[Kind::Rising, Kind::Falling],
        }
    }
}

impl Args {
    fn deadline(&self) -> Option<Instant> {
        self.timeout
            .and_then(|timeout| Instant::now().checked_add(timeout))
    }
}

/// With the driver; `device` is non-blocking.
pub fn local(device: Device, args: &Args, output: &mut impl Write) -> Result<ExitCode> {
    let deadline = args.deadline();
    let number = select::number_of(&device, &args.line)?;
    let config = queue::Config::new()
        .sources([mypoll::Source::Gpio])
        .kinds(args.edge.kinds().iter().copied())
        .lines([number]);
    let mut events = Events::new(device.into_queue(&config)?);
    loop {
        if let Some(event) = events.take()? {
            args.format.event(&event, output)?;
            return Ok(ExitCode::SUCCESS);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(TIMED_OUT.into());
        }
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut queue = [PollFd::new(events.queue(), PollFlags::IN)];
        match poll(&mut queue, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// With an agent.
pub fn remote(target: &Target, args: &Args, output: &mut impl Write) -> Result<ExitCode> {
    let deadline = args.deadline();
    let mut filter = Filter {
        source: vec!["gpio".to_owned()],
        kind: args
            .edge
            .kinds()
            .iter()
            .map(|kind| kind.as_str().to_owned())
            .collect(),
        ..Filter::default()
    };
    match args.line.parse() {
        Ok(number) => filter.line.push(number),
        Err(_) => filter.label.push(args.line.clone()),
    }
    let request = Request {
        filter,
        ..Request::default()
    };
    let mut follow = Follow::start(target, &args.reconnect, request)?;
    loop {
        match follow.next_until(deadline)? {
            Some(Message::Event(event)) => {
                args.format.event(&event, output)?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(_) => {}
            None => return Ok(TIMED_OUT.into()),
        }
    }
}
