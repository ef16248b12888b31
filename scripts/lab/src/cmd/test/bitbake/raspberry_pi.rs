// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Raspberry Pi's image: its card is looked into, and QEMU boots it where it has the board.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, pytest};
use super::image::{self, Machine};
use super::{virt_board, without_warning};
use crate::store::step::Task;
use crate::vm::raspi;
use crate::yocto::{Yocto, builds};

pub(super) const RASPBERRYPI3: Machine = Machine {
    name: "raspberrypi3-64",
    build: builds::HOST_RASPBERRYPI3_64,
};

pub(super) const RASPBERRYPI4: Machine = Machine {
    name: "raspberrypi4-64",
    build: builds::HOST_RASPBERRYPI4_64,
};

pub(super) const RASPBERRYPI5: Machine = Machine {
    name: "raspberrypi5",
    build: builds::HOST_RASPBERRYPI5,
};

pub(super) const IMAGE: &str = "mypoll-image";

/// One of each kind.
const POWER_CUTS: u32 = 3;

/// Where the tests find what both look at, and `scripts/flash` its modules.
const MODULES: &str = "tests/sdcard:scripts";

/// Whose card QEMU's board "virt" boots, too.
pub(super) fn run_raspberrypi4(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let mut cases = run_and_boot(lab, yocto, &RASPBERRYPI4)?;
    if !cases[0].has_failed() {
        cases.extend(virt_board::boot(lab, yocto, POWER_CUTS)?);
        cases.extend(core_image(lab, yocto)?);
    }
    Ok(cases)
}

/// oe-core's smallest image, with the distro as it is.
fn core_image(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let machine = &RASPBERRYPI4;
    let task = Task::new("yocto-core-image", "building core-image-minimal");
    let mut cases =
        without_warning::run(yocto, &machine.build, &task, "bitbake core-image-minimal")?;
    if !cases.iter().any(Case::has_failed) {
        let python = python(yocto, machine, "core-image-minimal");
        let modules = format!("{MODULES}:tests/raspi");
        cases.extend(in_qemu(lab, python, "tests/core_image", &modules)?);
    }
    Ok(cases)
}

/// Builds the image, looks into it and boots it.
pub(super) fn run_and_boot(
    lab: &Lab<'_>,
    yocto: &Yocto<'_>,
    machine: &Machine,
) -> Result<Vec<Case>> {
    let mut cases = run(lab, yocto, machine)?;
    if !cases[0].has_failed() {
        cases.extend(boot(lab, yocto, machine)?);
    }
    Ok(cases)
}

/// Builds the image and looks into it.
pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Vec<Case>> {
    let mut cases = image::build(lab, yocto, machine)?;
    if !cases[0].has_failed() {
        let mut python = python(yocto, machine, IMAGE);
        cases.extend(pytest::run(lab, &mut python, "tests/sdcard", MODULES)?);
    }
    Ok(cases)
}

fn boot(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Vec<Case>> {
    in_qemu(lab, python(yocto, machine, IMAGE), "tests/raspi", MODULES)
}

/// Runs tests that boot the card in QEMU's model of the board.
fn in_qemu(lab: &Lab<'_>, mut python: Command, tests: &str, modules: &str) -> Result<Vec<Case>> {
    let qemu = match raspi::qemu(lab.cache()) {
        Ok(program) => program,
        Err(error) => {
            let reason = format!("no QEMU with these boards is available: {error:#}");
            return Ok(vec![Case::skipped("QEMU boots it", reason)]);
        }
    };
    python.env("MYPOLL_QEMU", qemu);
    pytest::run(lab, &mut python, tests, modules)
}

/// Python that is told where the image is.
pub(super) fn python(yocto: &Yocto<'_>, machine: &Machine, image: &str) -> Command {
    let image = format!("{image}-{}.rootfs.wic.zst", machine.name);
    let mut python = Command::new("python3");
    python
        .env("MYPOLL_IMAGE", image::folder(yocto, machine).join(image))
        .env("MYPOLL_MACHINE", OsStr::new(machine.name));
    python
}
