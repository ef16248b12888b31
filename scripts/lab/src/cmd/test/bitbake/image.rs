// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds images with the host toolchain and boots them if QEMU supports the machine. Inspects the Raspberry Pi's card.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, Phase, pytest};
use super::{phase, runqemu, success, success_without_warning, testimage, without_warning};
use crate::deps::host::tool;
use crate::vm::raspi;
use crate::yocto::Yocto;
use crate::yocto::builds::{Build, HOST_QEMUARM64, build};
use crate::yocto::output::{Output, Tasks};

const QEMUX86_64: Build = build(
    "host-toolchain-qemux86-64",
    "qemux86-64:host-toolchain:testimage",
);
const RASPBERRYPI3: Build = build(
    "host-toolchain-raspberrypi3-64",
    "raspberrypi3-64:host-toolchain:testimage",
);
const RASPBERRYPI4: Build = build(
    "host-toolchain-raspberrypi4-64",
    "raspberrypi4-64:host-toolchain:testimage",
);
const RASPBERRYPI5: Build = build(
    "host-toolchain-raspberrypi5",
    "raspberrypi5:host-toolchain:testimage",
);

const BITBAKE: &str = "bitbake mypoll-image";
const IMAGE: &str = "mypoll-image";

/// Module path for the tests: shared helpers, and the modules of `scripts/flash`.
const MODULES: &str = "tests/sdcard:scripts";

/// A test of a built image.
type Check = fn(&Lab<'_>, &Yocto<'_>, &Build) -> Result<Vec<Case>>;

pub(super) fn phases() -> [Phase; 6] {
    let image = |build: Build, checks: &'static [Check]| {
        let name = format!("image {}", build.machine());
        phase(&name, move |lab, yocto| run(lab, yocto, &build, checks))
    };
    [
        // Each of the others builds its own kernel.
        image(HOST_QEMUARM64, &[boot_in_qemu]),
        image(QEMUX86_64, &[boot_in_qemu]).by_hand(),
        image(
            RASPBERRYPI4,
            &[
                inspect,
                boot_in_raspi,
                |lab, yocto, _| cut_power(lab, yocto, 3),
                core_image,
            ],
        )
        .by_hand(),
        image(RASPBERRYPI3, &[inspect, boot_in_raspi]).by_hand(),
        image(RASPBERRYPI5, &[inspect]).by_hand(),
        phase("30 power cuts", |lab, yocto| {
            run(
                lab,
                yocto,
                &RASPBERRYPI4,
                &[|lab, yocto, _| cut_power(lab, yocto, 30)],
            )
        })
        .by_hand(),
    ]
}

/// Builds an image twice, and runs the checks if the build succeeds.
fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build, checks: &[Check]) -> Result<Vec<Case>> {
    let started = Instant::now();
    let step = |name, what| {
        let log = format!("{name}-{}", build.machine());
        yocto.shell(build, &log, what, BITBAKE)
    };
    let built = step("image", "building mypoll-image")?;
    let Some(tasks) = built.tasks().filter(|_| built.success) else {
        return Ok(vec![Case::failed(BITBAKE, built.without_notes())]);
    };
    lab.progress.say(&format!(
        "yocto: {}: {} of {} tasks done in {} s",
        build.machine(),
        tasks.all - tasks.done_before,
        tasks.all,
        started.elapsed().as_secs(),
    ));
    log_sizes(lab, yocto, build);
    let mut cases = vec![
        success(BITBAKE, &built),
        success_without_warning("no warnings", &built),
        nothing_changed(&step("again", "building it again")?),
    ];
    for check in checks {
        cases.extend(check(lab, yocto, build)?);
    }
    Ok(cases)
}

/// Logs the sizes, so that a growing image is noticed.
fn log_sizes(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build) {
    let images = yocto.images(build);
    for format in ["ext4.zst", "wic.zst"] {
        let image = images.join(format!("{IMAGE}-{}.rootfs.{format}", build.machine()));
        if let Ok(metadata) = fs::metadata(image) {
            let megabytes = metadata.len() as f64 / 1e6;
            let name = build.machine();
            lab.progress
                .say(&format!("yocto: {name}: {format}: {megabytes:.1} MB"));
        }
    }
}

fn nothing_changed(again: &Output) -> Case {
    let name = "nothing is built twice";
    match again.tasks() {
        Some(Tasks { all, done_before }) if again.success && all == done_before => {
            Case::passed(name)
        }
        Some(_) if again.success => {
            let lines = again.text.lines();
            let ran = lines.filter(|line| line.starts_with("NOTE: Running "));
            Case::failed(name, ran.collect::<Vec<_>>().join("\n"))
        }
        _ => Case::failed(name, again.without_notes()),
    }
}

fn boot_in_qemu(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let mut cases = testimage::run(yocto, build)?;
    let arguments = format!("{} {IMAGE}", build.machine());
    let name = "runqemu boots it to a login";
    cases.push(runqemu(lab, yocto, build, name, &arguments)?);
    Ok(cases)
}

fn inspect(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let mut python = python(yocto, build, IMAGE);
    pytest::run(lab, &mut python, "tests/sdcard", MODULES)
}

fn boot_in_raspi(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    in_raspi(lab, python(yocto, build, IMAGE), "tests/raspi", MODULES)
}

/// Builds and boots oe-core's smallest image with the unchanged distro.
fn core_image(lab: &Lab<'_>, yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let script = "bitbake core-image-minimal";
    let mut cases = without_warning(yocto, build, "core-image", script)?;
    if !cases[0].has_failed() {
        let python = python(yocto, build, "core-image-minimal");
        let modules = format!("{MODULES}:tests/raspi");
        cases.extend(in_raspi(lab, python, "tests/core_image", &modules)?);
    }
    Ok(cases)
}

/// Runs tests that boot the card in QEMU's model of the board.
fn in_raspi(lab: &Lab<'_>, mut python: Command, tests: &str, modules: &str) -> Result<Vec<Case>> {
    match raspi::qemu(lab.cache()) {
        Ok(program) => {
            python.env("MYPOLL_QEMU", program);
            pytest::run(lab, &mut python, tests, modules)
        }
        Err(error) => {
            let reason = format!("no QEMU with Raspberry Pi boards is available: {error:#}");
            Ok(vec![Case::skipped("QEMU boots it", reason)])
        }
    }
}

/// Boots the Raspberry Pi 4's card in QEMU's "virt" board, which has Ethernet and PCI, unlike QEMU's model of the Pi:
/// first boot, a configuration from a PC, and `cuts` power cuts.
fn cut_power(lab: &Lab<'_>, yocto: &Yocto<'_>, cuts: u32) -> Result<Vec<Case>> {
    lab.needs(&[tool("sfdisk", "fdisk")])?;
    let mut python = python(yocto, &RASPBERRYPI4, IMAGE);
    python.env("CUTS", cuts.to_string());
    pytest::run(lab, &mut python, "tests/virt", "tests/virt")
}

/// Python with the image's path in its environment.
fn python(yocto: &Yocto<'_>, build: &Build, image: &str) -> Command {
    let image = format!("{image}-{}.rootfs.wic.zst", build.machine());
    let images = yocto.images(build);
    let mut python = Command::new("python3");
    python
        .env("MYPOLL_IMAGE", images.join(image))
        .env("MYPOLL_MACHINE", build.machine());
    python
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_tasks_are_failures() {
        let summary = |done: usize| {
            format!(
                "NOTE: Tasks Summary: Attempted 90 tasks of which {done} didn't need to be rerun and all succeeded."
            )
        };
        assert!(!nothing_changed(&Output::new(true, &summary(90))).has_failed());
        assert!(nothing_changed(&Output::new(true, &summary(89))).has_failed());
        assert!(nothing_changed(&Output::new(false, &summary(90))).has_failed());
        assert!(nothing_changed(&Output::new(true, "")).has_failed());
    }
}
