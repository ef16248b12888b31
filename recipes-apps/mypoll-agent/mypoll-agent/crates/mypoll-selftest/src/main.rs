// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tests the contract of `/dev/mypoll` (docs/interface.md, and uapi/mypoll.h of the driver for
//! private queues) on the target: in the QEMU guest or on a board.

mod binding;
mod check;
mod configfs;
mod cpus;
mod device;
mod event;
mod failing_memory;
mod handle;
mod ioctl;
mod levels;
mod mapping;
mod memory;
mod module;
mod nowait;
mod process;
mod queue;
mod runner;
mod sim_line;
mod sleeper;
mod stats;
mod tap;
mod tests;
mod tracing;
mod uevents;
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "x86_64"
))]
mod uring;
mod user;

use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::device::Device;
use crate::tap::{Outcome, Report};
use crate::tests::Test;

/// Timeout of a test: generous, because binding the driver can take some seconds on a debug kernel
/// in an emulator on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Tests /dev/mypoll and prints a report in KTAP. Needs root and exclusive use of the device.
///
/// Restores the driver's state afterwards, with the timer stopped and the queue empty.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: mypoll-selftest errno. gpio.\n\
                  Exit status: 0 when no test failed, 1 otherwise, 2 for a wrong command line."
)]
struct Cli {
    /// Run only tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Print the names of the tests without running them
    #[arg(long)]
    list: bool,
    /// The device node
    #[arg(long, value_name = "NODE", default_value = "/dev/mypoll")]
    device: PathBuf,
    /// The directory with the device's `stats` and `lines`
    #[arg(long, value_name = "DIR", default_value = "/sys/class/misc/mypoll")]
    sysfs: PathBuf,
    /// The module's file [default: mypoll.ko under /lib/modules/RELEASE]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let tests: Vec<&Test> = tests::all()
        .filter(|test| {
            cli.filters.is_empty() || cli.filters.iter().any(|part| test.name.contains(part))
        })
        .collect();
    if tests.is_empty() {
        Cli::command()
            .error(
                ErrorKind::InvalidValue,
                "no test matches; --list prints the names",
            )
            .exit();
    }
    if cli.list {
        tests.iter().for_each(|test| println!("{}", test.name));
        return ExitCode::SUCCESS;
    }
    match run(&cli, &tests) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mypoll-selftest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the tests; true if none failed.
fn run(cli: &Cli, tests: &[&Test]) -> Result<bool> {
    let mut report = Report::new(stdout()).context("standard output")?;
    let device = match Device::find(&cli.device, &cli.sysfs, cli.module.as_deref()) {
        Ok(device) => device,
        Err(error) => {
            report.bail_out(&format!("{error:#}"))?;
            return Ok(false);
        }
    };
    runner::adopt_orphans().context("cannot become a subreaper")?;
    report.plan(tests.len())?;
    for test in tests {
        let outcome = runner::isolated(
            || {
                device.settle().context("before the test")?;
                (test.run)(&device)
            },
            LIMIT,
        )?;
        report.test(test.name, &outcome)?;
    }
    let settled = runner::isolated(|| device.settle(), LIMIT)?;
    if let Outcome::Failed(error) = &settled {
        report.comment(&format!("cannot restore the device: {error}"))?;
    }
    Ok(report.finish()? && settled == Outcome::Passed)
}
