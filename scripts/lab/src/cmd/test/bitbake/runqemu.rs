// SPDX-License-Identifier: MIT OR Apache-2.0
//! runqemu boots an image as people do.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::store::step::Task;
use crate::yocto::{Build, Yocto};

/// One test, `name`; the arguments are those of `tests/yocto/runqemu-login.sh`.
pub(super) fn run(
    lab: &Lab<'_>,
    yocto: &Yocto<'_>,
    build: &Build,
    name: &str,
    arguments: &str,
) -> Result<Case> {
    let script = lab.paths.repo.join("tests/yocto/runqemu-login.sh");
    let script = format!("sh '{}' {arguments}", script.display());
    let task = Task::new(format!("yocto-runqemu-{}", build.name), "booting the image");
    let output = yocto.shell(build, &task, &script)?;
    Ok(if output.success {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    })
}
