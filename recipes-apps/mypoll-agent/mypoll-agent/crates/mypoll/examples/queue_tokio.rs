// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private queue as a stream in tokio.

#[path = "common/args.rs"]
mod args;

use std::io::{self, Write as _};

use anyhow::Result;
use clap::Parser;
use mypoll::{Device, queue::Config};
use tokio_stream::StreamExt as _;

/// Print the events of /dev/mypoll with tokio, regardless of other readers.
#[derive(Parser)]
#[command(after_help = "Example: queue_tokio 3    prints three events and exits")]
struct Cli {
    #[command(flatten)]
    args: args::Args,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Cli { args } = Cli::parse();
    let mut records = Device::options()
        .read_only()
        .open(&args.device)?
        .into_queue(&Config::new())?
        .into_stream()?;

    for _ in 0..args.count() {
        let Some(record) = records.next().await else {
            break;
        };
        writeln!(io::stdout(), "{}", record?)?;
    }
    Ok(())
}
