// SPDX-License-Identifier: MIT OR Apache-2.0
//! An image, built with the host's toolchain, and booted where runqemu knows the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use super::super::Lab;
use super::super::case::Case;
use super::{runqemu, testimage};
use crate::store::step::Task;
use crate::yocto::output::{Output, Tasks};
use crate::yocto::{Build, Yocto, builds};

/// A machine, and the build for it.
pub(super) struct Machine {
    pub(super) name: &'static str,
    pub(super) build: Build,
}

/// Those that runqemu and testimage boot.
pub(super) const MACHINES: [Machine; 2] = [
    Machine {
        name: "qemuarm64",
        build: builds::HOST_QEMUARM64,
    },
    Machine {
        name: "qemux86-64",
        build: builds::HOST_QEMUX86_64,
    },
];

/// How the names of images go on, as opposed to what is said about them.
const FORMATS: [&str; 4] = ["cpio", "ext4", "tar", "wic"];

const BITBAKE: &str = "bitbake mypoll-image";

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Vec<Case>> {
    let mut cases = build(lab, yocto, machine)?;
    if !cases[0].has_failed() {
        cases.extend(testimage::run(yocto, &machine.build)?);
        cases.push(runqemu::run(
            lab,
            yocto,
            &machine.build,
            "runqemu boots it to a login",
            &format!("{} mypoll-image", machine.name),
        )?);
    }
    Ok(cases)
}

/// Builds it twice. The first case is that it can be built.
pub(super) fn build(lab: &Lab<'_>, yocto: &Yocto<'_>, machine: &Machine) -> Result<Vec<Case>> {
    let started = Instant::now();
    let step = |name, what| {
        let task = Task::long(format!("yocto-{name}-{}", machine.name), what);
        yocto.shell(&machine.build, &task, BITBAKE)
    };
    let built = step("image", "building mypoll-image")?;
    let Some(tasks) = built.tasks().filter(|_| built.success) else {
        return Ok(vec![Case::failed(BITBAKE, built.without_notes())]);
    };
    lab.progress.say(&format!(
        "yocto: {}: {} of {} tasks done in {} s: {}",
        machine.name,
        tasks.all - tasks.done_before,
        tasks.all,
        started.elapsed().as_secs(),
        sizes(&folder(yocto, machine), machine.name)?
    ));
    Ok(vec![
        Case::passed(BITBAKE),
        no_complaints(&built),
        nothing_changed(&step("again", "building it again")?),
    ])
}

/// Where bitbake leaves the images of a machine.
pub(super) fn folder(yocto: &Yocto<'_>, machine: &Machine) -> PathBuf {
    yocto
        .build_folder(&machine.build)
        .join("tmp/deploy/images")
        .join(machine.name)
}

fn no_complaints(built: &Output) -> Case {
    let name = "no warnings";
    match built.complaints().as_slice() {
        [] => Case::passed(name),
        complaints => Case::failed(name, complaints.join("\n")),
    }
}

fn nothing_changed(again: &Output) -> Case {
    let name = "nothing is built twice";
    match again.tasks() {
        Some(Tasks { all, done_before }) if again.success && all == done_before => {
            Case::passed(name)
        }
        Some(_) if again.success => Case::failed(name, tasks_that_ran(&again.text)),
        _ => Case::failed(name, again.without_notes()),
    }
}

fn tasks_that_ran(said: &str) -> String {
    let ran = said
        .lines()
        .filter(|line| line.starts_with("NOTE: Running "));
    ran.collect::<Vec<_>>().join("\n")
}

/// What there is of the image, and how large it is.
fn sizes(folder: &Path, machine: &str) -> Result<String> {
    let prefix = format!("mypoll-image-{machine}.rootfs.");
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The names with a time in them are the same files.
        if let Some(format) = name.strip_prefix(&prefix)
            && FORMATS.iter().any(|known| format.starts_with(known))
        {
            let size = fs::metadata(entry.path())?.len();
            sizes.push(format!("{name} {:.1} MB", size as f64 / 1e6));
        }
    }
    sizes.sort();
    Ok(sizes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_runs_again_fails() {
        let summary = |done: usize| {
            format!(
                "NOTE: Tasks Summary: Attempted 90 tasks of which {done} didn't need to be rerun and all succeeded."
            )
        };
        assert!(!nothing_changed(&Output::new(true, &summary(90))).has_failed());
        assert!(nothing_changed(&Output::new(true, &summary(89))).has_failed());
        assert!(nothing_changed(&Output::new(false, &summary(90))).has_failed());
        assert!(nothing_changed(&Output::new(true, "")).has_failed());
    }

    #[test]
    fn warnings_fail() {
        let warned = Output::new(true, "WARNING: mypoll-agent do_package_qa: QA Issue");
        assert!(no_complaints(&warned).has_failed());
        assert!(!no_complaints(&Output::new(true, "NOTE: fine")).has_failed());
    }

    #[test]
    fn an_image_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "mypoll-image-qemuarm64.rootfs.ext4.zst",
            "mypoll-image-qemuarm64.rootfs-20260101.ext4.zst",
            "mypoll-image-qemuarm64.rootfs.manifest",
        ] {
            fs::write(dir.path().join(name), vec![0; 1_500_000]).unwrap();
        }
        let sizes = sizes(dir.path(), "qemuarm64").unwrap();
        assert_eq!(sizes, "mypoll-image-qemuarm64.rootfs.ext4.zst 1.5 MB");
    }
}
