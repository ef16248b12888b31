// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private queue, read many events at a time.

#[path = "common/args.rs"]
mod args;

use std::io::{self, Write as _};

use anyhow::Result;
use clap::Parser;
use mypoll::{
    Device,
    queue::{Config, Record},
};

/// Print the events of /dev/mypoll, regardless of other readers, and at the end the statistics of the queue.
#[derive(Parser)]
#[command(after_help = "Example: queue_read 3    prints three events and exits")]
struct Cli {
    #[command(flatten)]
    args: args::Args,
}

fn main() -> Result<()> {
    let Cli { args } = Cli::parse();
    let queue = Device::options()
        .read_only()
        .open(&args.device)?
        .into_queue(&Config::new().capacity(1024))?;

    let mut stdout = io::stdout().lock();
    let mut records = [Record::default(); 64];
    let mut left = args.count();
    while left > 0 {
        let room = records.len().min(left.try_into().unwrap_or(usize::MAX));
        let count = queue.read(&mut records[..room])?;
        for record in &records[..count] {
            writeln!(stdout, "{record}")?;
        }
        left -= count as u64;
    }

    let stats = queue.stats()?;
    eprintln!(
        "{} events: {} read, {} lost, {} left; at most {} of {} waited",
        stats.generated, stats.read, stats.lost, stats.depth, stats.high_water, stats.capacity
    );
    Ok(())
}
