// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests on Debian with systemd: the agent's packages with Debian's own kernel, and the layer's files with ours.

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::lanes::Lane;
use super::{Lab, Phase, command, nextest, pytest};
use crate::Flavour;
use crate::build::debs::{Architecture, Tools};
use crate::deps::host::{Need, tool};
use crate::vm::debian_root::{ARCHIVE, debian};
use crate::vm::machine::Boot;

/// Tools to create and inspect a card, and a broker.
const NEEDS: [Need; 6] = [
    tool("mcopy", "mtools"),
    tool("mkfs.vfat", "dosfstools"),
    tool("mosquitto", "mosquitto"),
    tool("mosquitto_sub", "mosquitto-clients"),
    tool("sfdisk", "fdisk"),
    tool("zstd", "zstd"),
];

pub(super) fn phases() -> [Phase; 3] {
    [
        phase("packages", packages),
        phase("the layer under systemd", |lab, debian| {
            layer(lab, debian, "tests/systemd")
        }),
        phase("power cuts", |lab, debian| layer(lab, debian, "tests/virt")),
    ]
}

/// Tests that need Debian.
fn phase(name: &str, run: fn(&Lab<'_>, &Boot) -> Result<Vec<Case>>) -> Phase {
    let name = format!("debian: {name}");
    Phase::new(name, move |lab| run(lab, &debian(lab.cache())?)).in_lane(Lane::Guests)
}

fn packages(lab: &Lab<'_>, _: &Boot) -> Result<Vec<Case>> {
    let cache = lab.cache();
    let debs = Tools::prepare(cache)?.packages(cache, Architecture::Arm64)?;
    nextest::system_tests(lab, |test| {
        test.args(["--features=debian", "--test=debian"])
            .args(["--", "--test-threads=1"])
            .env("MYPOLL_DEBS", debs);
    })
}

/// Creates a card and runs the tests of a folder on it.
fn layer(lab: &Lab<'_>, debian: &Boot, folder: &'static str) -> Result<Vec<Case>> {
    lab.needs(&NEEDS)?;
    let system = lab.system(Flavour::Normal)?;
    let work = tempfile::tempdir()?;
    let image = work.path().join("image.wic.zst");
    let mut make = Command::new("fakeroot");
    make.args(["python3", "tests/systemd/make_image.py", "--debian"])
        .arg(debian.image.with_file_name(ARCHIVE))
        .arg("--kernel")
        .arg(system.image.parent().unwrap_or(&system.image))
        .arg("--driver")
        .arg(&system.module)
        .arg("--userspace")
        .arg(&system.userspace)
        .arg(&image)
        .current_dir(&lab.paths.repo)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let (success, output) = command::run(&mut make)?;
    if !success {
        return Ok(vec![Case::failed("the card's image", output)]);
    }
    let mut python = Command::new("python3");
    python
        .env("MYPOLL_IMAGE", image)
        .env("MYPOLL_INIT", "systemd");
    pytest::run(lab, &mut python, folder, "tests/virt")
}
