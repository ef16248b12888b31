// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bitbake has to do for a machine and choice without an error, and without a reason for a warning.

use anyhow::Result;

use super::super::case::Case;
use crate::store::step::Task;
use crate::yocto::builds::HOST_QEMUARM64;
use crate::yocto::output::Output;
use crate::yocto::{Build, Yocto};

/// All recipes parse, everything the images need is provided, and the tasks have an order.
pub(super) fn dry_run(yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let name = format!("yocto-dry-run-{}", build.name);
    let task = Task::new(name, "working out what the images need");
    run(
        yocto,
        build,
        &task,
        "bitbake -g mypoll-image mypoll-image-dev",
    )
}

/// The same, and each task gets a process that parses its recipe again.
pub(super) fn every_task(yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    let name = format!("yocto-every-task-{}", build.name);
    let task = Task::long(name, "going through the tasks of mypoll-image");
    run(yocto, build, &task, "bitbake -n mypoll-image")
}

/// The agent is compiled by oe-core's class.
pub(super) fn agent_by_cargo(yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let build = Build {
        name: "oe-core-cargo",
        files: &[
            "kas/qemuarm64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/oe-core-cargo.yml",
        ],
    };
    let task = Task::long("yocto-oe-core-cargo", "compiling the agent");
    run(yocto, &build, &task, "bitbake -c package mypoll-agent")
}

/// The profile's pseudo is there for what Python 3.13 starts by posix_spawn, whatever Python the host has.
pub(super) fn pseudo(yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let task = Task::new("yocto-pseudo", "building pseudo");
    let script = format!(
        "bitbake -c addto_recipe_sysroot pseudo-native && \
         sysroot=$(bitbake-getvar --quiet --value --recipe pseudo-native STAGING_DIR_NATIVE) && \
         export PSEUDO_PREFIX=$sysroot/usr && \
         $sysroot/usr/bin/pseudo python3 '{}/tests/yocto/posix_spawn.py'",
        yocto.repo().display()
    );
    let output = yocto.shell(&HOST_QEMUARM64, &task, &script)?;
    Ok(vec![verdict("posix_spawn", &output)])
}

/// A command as a test.
pub(super) fn run(
    yocto: &Yocto<'_>,
    build: &Build,
    task: &Task,
    script: &str,
) -> Result<Vec<Case>> {
    let output = yocto.shell(build, task, script)?;
    Ok(vec![verdict(script, &output)])
}

fn verdict(script: &str, output: &Output) -> Case {
    if output.success && output.complaints().is_empty() {
        Case::passed(script)
    } else {
        Case::failed(script, output.without_notes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_fails_it() {
        let verdict = |success, text: &str| verdict("bitbake -g", &Output::new(success, text));
        let parsed = "Parsing recipes...done.\nNOTE: Task list saved to 'pn-buildlist'\n";
        assert!(!verdict(true, parsed).has_failed());
        let warned = format!("{parsed}WARNING: mypoll-agent is strange");
        assert!(verdict(true, &warned).has_failed());
        assert!(verdict(false, parsed).has_failed());
    }
}
