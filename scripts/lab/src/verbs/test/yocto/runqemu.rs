// SPDX-License-Identifier: MIT OR Apache-2.0
//! runqemu boots the image as people do.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use super::image::Machine;
use crate::step::Task;
use crate::yocto::Yocto;

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Case> {
    let login = lab.paths.repo.join("tests/yocto/runqemu-login.sh");
    let script = format!("sh '{}' {}", login.display(), machine.name);
    let task = Task::new(
        format!("yocto-runqemu-{}", machine.name),
        "booting the image",
        30,
    );
    let output = yocto.shell(&machine.build, &task, &script)?;
    let name = "runqemu boots it to a login";
    Ok(if output.success {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    })
}
