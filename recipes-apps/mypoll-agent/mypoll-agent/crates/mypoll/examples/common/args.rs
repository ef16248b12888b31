// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arguments of each example.

use std::path::PathBuf;

use mypoll::Device;

#[derive(clap::Args)]
pub struct Args {
    /// Exit with 0 after this many events [default: run until interrupted]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The device file
    #[arg(long, value_name = "PATH", default_value = Device::PATH)]
    pub device: PathBuf,
}

impl Args {
    /// The number of events after which the program exits.
    pub fn count(&self) -> u64 {
        self.count.unwrap_or(u64::MAX)
    }
}
