// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private queue, mapped: system calls are only made to wait.

#[path = "common/args.rs"]
mod args;

use std::{
    io::{self, Write as _},
    os::fd::AsFd as _,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use mypoll::{Device, queue::Config};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Print the events of /dev/mypoll from a mapped ring, regardless of other readers.
#[derive(Parser)]
#[command(after_help = "Example: queue_ring 3    prints three events and exits")]
struct Cli {
    #[command(flatten)]
    args: args::Args,
}

fn main() -> Result<()> {
    let Cli { args } = Cli::parse();
    // The program moves the ring's head, so the file must be open for writing, too.
    let mut ring = Device::options()
        .open(&args.device)?
        .into_queue(&Config::new())?
        .map()?;

    let mut stdout = io::stdout().lock();
    let mut left = args.count();
    while left > 0 {
        let mut waited = [PollFd::new(ring.as_fd(), PollFlags::POLLIN)];
        poll(&mut waited, PollTimeout::NONE).context("cannot wait for the ring")?;
        for (_, record) in (0..left).zip(ring.drain()) {
            writeln!(stdout, "{record}")?;
            left -= 1;
        }
    }
    Ok(())
}
