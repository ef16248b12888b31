// SPDX-License-Identifier: MIT OR Apache-2.0

//! The guest part of `./scripts/bench`: the same measurements for each way to read the edges of a
//! GPIO line. Prints the figures to standard output, one JSON object per line.

mod binding;
mod chip;
mod clock;
mod figure;
mod interface;
mod measure;
mod policy;
mod sender;

use std::process::ExitCode;

use anyhow::{Context, Result};
use nix::libc::SCHED_IDLE;
use nix::sys::mman::{MlockAllFlags, mlockall};

use chip::Chip;
use interface::{Chardev, Floor, GpioKeys, Mypoll};
use policy::set_policy;
use sender::{Agent, Gpiomon};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mypoll-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // Avoids page faults during measurements.
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).context("mlockall")?;
    // This thread represents the outside world, and runs only when nothing else does.
    set_policy(SCHED_IDLE)?;
    let chip = Chip::find()?;
    measure::interface::<Chardev>(&chip);
    measure::delivered::<Gpiomon>(&chip);
    {
        let _keys = GpioKeys::DRIVER.bind()?;
        measure::interface::<GpioKeys>(&chip);
        measure::subscribers::<GpioKeys>(&chip);
    }
    {
        let _floor = Floor::DRIVER.bind()?;
        measure::interface::<Floor>(&chip);
    }
    let _mypoll = Mypoll::DRIVER.bind()?;
    measure::interface::<Mypoll>(&chip);
    measure::delivered::<Agent>(&chip);
    measure::mapped(&chip);
    measure::subscribers::<Mypoll>(&chip);
    measure::filtered(&chip);
    measure::close(&chip);
    Ok(())
}
