// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-image` for a machine and choice: all recipes parse, everything it needs is provided, and the layer gives no reason for
//! a warning. `bitbake -g` works out the same tasks as `bitbake -n`, without starting one of its 5000 processes for each.

use anyhow::Result;

use super::super::case::Case;
use crate::step::Task;
use crate::yocto::output::Output;
use crate::yocto::{Build, Yocto};

pub(super) fn run(yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let name = format!("yocto-dry-run-{}", build.name);
    let task = Task::new(name, "working out what mypoll-image needs", 90);
    let output = yocto.shell(build, &task, "bitbake -g mypoll-image")?;
    Ok(vec![verdict(&output)])
}

fn verdict(output: &Output) -> Case {
    let name = "mypoll-image";
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
        assert!(!verdict(&Output::new(true, parsed)).has_failed());
        let warned = format!("{parsed}WARNING: mypoll-agent is strange");
        assert!(verdict(&Output::new(true, &warned)).has_failed());
        assert!(verdict(&Output::new(false, parsed)).has_failed());
    }
}
