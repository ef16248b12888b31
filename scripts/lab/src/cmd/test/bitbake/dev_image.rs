// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image for development: root logs in, and what makes the difference is there.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use super::{runqemu, without_warning};
use crate::store::step::Task;
use crate::yocto::{Yocto, builds};

/// Typed at the console. The agent would take the test's events.
const COMMAND: &str = "pidof dropbear && mypollctl stats && which sigio_test queue_ring && \
    /etc/init.d/mypoll-agent stop && mypoll-selftest poll.";

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    // Without kas/testimage.yml, which would let root log in to any image.
    let build = &builds::PRODUCT_QEMUARM64;
    let task = Task::new("yocto-dev-image", "building mypoll-image-dev");
    let mut cases = without_warning::run(yocto, build, &task, "bitbake mypoll-image-dev")?;
    if !cases.iter().any(Case::has_failed) {
        let arguments = format!("qemuarm64 mypoll-image-dev '{COMMAND}'");
        cases.push(runqemu::run(lab, yocto, build, COMMAND, &arguments)?);
    }
    Ok(cases)
}
