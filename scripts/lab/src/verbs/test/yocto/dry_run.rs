// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-image` for every machine and choice: all recipes parse, everything it needs is provided, and the layer gives no
//! reason for a warning. `bitbake -g` works out the same tasks as `bitbake -n`, without starting a process for each.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::step::Task;
use crate::yocto::output::Output;
use crate::yocto::{BUILDS, Yocto};

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    BUILDS
        .iter()
        .map(|build| {
            let name = format!("yocto-dry-run-{}", build.name);
            let task = Task::new(name, "working out what mypoll-image needs", 90);
            let output = yocto.shell(build, &task, "bitbake -g mypoll-image")?;
            Ok(verdict(build.name, &output))
        })
        .collect()
}

fn verdict(name: &str, output: &Output) -> Case {
    if output.success && output.complaints().is_empty() {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_fails_it() {
        let parsed = "Parsing recipes...done.\nNOTE: Task list saved to 'pn-buildlist'\n";
        assert_eq!(verdict("a", &Output::new(true, parsed)), Case::passed("a"));
        let warned = format!("{parsed}WARNING: mypoll-agent is strange");
        assert_ne!(verdict("a", &Output::new(true, &warned)), Case::passed("a"));
        assert_ne!(verdict("a", &Output::new(false, parsed)), Case::passed("a"));
    }
}
