// SPDX-License-Identifier: MIT OR Apache-2.0
//! runqemu boots the image as people do.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use super::image::Machine;
use crate::yocto::Yocto;

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Case> {
    let login = lab.paths.repo.join("tests/yocto/runqemu-login.sh");
    let script = format!("sh '{}' {}", login.display(), machine.name);
    let output = yocto.shell(&machine.build, "booting it with runqemu", 30, &script)?;
    let name = "runqemu boots it to a login";
    Ok(if output.success {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    })
}
