// SPDX-License-Identifier: MIT OR Apache-2.0
//! Build folders that are set up without kas.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::store::step::Task;
use crate::yocto::{Yocto, builds};

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let script = format!(
        "sh '{}' '{}' '{}'",
        lab.paths.repo.join("tests/yocto/setup.sh").display(),
        yocto.repo().display(),
        yocto.layers().display()
    );
    let task = Task::new("yocto-setup", "setting up without kas");
    let output = yocto.shell(&builds::FROM_SOURCE[0], &task, &script)?;
    Ok(["bitbake-setup", "templates"]
        .map(|name| {
            if output
                .text
                .lines()
                .any(|line| line == format!("{name}: fine"))
            {
                Case::passed(name)
            } else {
                Case::failed(name, output.without_notes())
            }
        })
        .into())
}
