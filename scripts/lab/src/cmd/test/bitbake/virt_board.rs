// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Raspberry Pi 4's card in QEMU's "virt" board, which has what its own model there lacks, Ethernet and PCI: the first boot, a
//! configuration from a PC, and power cuts.

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, pytest};
use super::image;
use super::raspberry_pi::{IMAGE, RASPBERRYPI4, python};
use crate::deps::host::tool;
use crate::yocto::Yocto;

/// Builds the image, and cuts the power so many times.
pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, cuts: u32) -> Result<Vec<Case>> {
    let mut cases = image::build(lab, yocto, &RASPBERRYPI4)?;
    if !cases[0].has_failed() {
        cases.extend(boot(lab, yocto, cuts)?);
    }
    Ok(cases)
}

/// With the image as it was built last.
pub(super) fn boot(lab: &Lab<'_>, yocto: &Yocto<'_>, cuts: u32) -> Result<Vec<Case>> {
    lab.needs(&[tool("sfdisk", "fdisk")])?;
    let mut python = python(yocto, &RASPBERRYPI4, IMAGE);
    python.env("CUTS", cuts.to_string());
    pytest::run(lab, &mut python, "tests/virt", "tests/virt")
}
