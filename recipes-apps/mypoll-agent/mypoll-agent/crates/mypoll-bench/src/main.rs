// SPDX-License-Identifier: MIT OR Apache-2.0

//! The part of `./scripts/bench` that runs in the guest: the same loops for each way to read the
//! edges of a GPIO line. Standard output has the figures, one JSON object a line.

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
    // No page of the program is fetched while the clock runs.
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).context("mlockall")?;
    // It stands for the world outside, and gives way to whatever it sets off.
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
