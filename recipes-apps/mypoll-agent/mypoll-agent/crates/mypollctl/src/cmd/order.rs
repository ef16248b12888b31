// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders to an agent.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use mypoll_protocol::{Action, Output, Request};

use crate::remote::{Client, Target};

/// An output, and what to do with it.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  mypollctl --connect unix:/run/mypoll-agent/events.sock set led on\n  \
                  mypollctl --connect board:7070 set relay pulse --time 500ms"
)]
pub struct SetArgs {
    /// Name of the output in the agent's configuration
    #[arg(value_name = "OUTPUT")]
    name: String,
    /// Action
    #[arg(value_enum)]
    state: State,
    /// Length of a pulse
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = humantime::parse_duration)]
    time: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    On,
    Off,
    Toggle,
    Pulse,
}

/// Switches an output.
pub fn set(target: &Target, args: &SetArgs) -> Result<()> {
    let name = args.name.clone();
    let output = match args.state {
        State::On => Output::Set { name, active: true },
        State::Off => Output::Set {
            name,
            active: false,
        },
        State::Toggle => Output::Toggle { name },
        State::Pulse => {
            let ms = u32::try_from(args.time.as_millis()).ok();
            let ms = ms
                .filter(|ms| (1..=3_600_000).contains(ms))
                .context("--time: expected 1ms to 1h")?;
            Output::Pulse { name, ms }
        }
    };
    order(target, Action::Output(output))
}

/// Queues an event.
pub fn trigger(target: &Target) -> Result<()> {
    order(target, Action::Trigger)
}

/// Starts the timer.
pub fn start(target: &Target, period_ms: Option<u32>) -> Result<()> {
    order(target, Action::StartTimer { period_ms })
}

/// Stops the timer.
pub fn stop(target: &Target) -> Result<()> {
    order(target, Action::StopTimer)
}

fn order(target: &Target, action: Action) -> Result<()> {
    Client::connect(
        target,
        &Request {
            events: false,
            ..Request::default()
        },
    )?
    .order(action)
}
