// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench`: mypoll, the interfaces that one would take instead, and a floor, in the same machine.

mod figures;
mod goals;
mod load;
mod plot;
mod reference;
mod report;

use std::fs;
use std::io::stderr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::build::bench_parts::{FLOOR, GPIOMON, OVERLAY, PROGRAM};
use crate::build::kernel::KernelVersion;
use crate::cli::{BenchArgs, BenchSubject};
use crate::store::cache::Cache;
use crate::vm::machine::{Machine, MachineOptions};
use crate::{BuildOptions, Paths, Progress, System, build};
use figures::Figures;
use reference::{Build, Reference};
use report::Report;

/// A machine that everything is measured in.
#[derive(Clone, Copy)]
struct Setting {
    icount: bool,
    /// Said before its table.
    heading: &'static str,
}

/// The one whose figures can be compared from run to run.
const ICOUNT: Setting = Setting {
    icount: true,
    heading: "One CPU, a guest nanosecond for each instruction (-icount shift=0,sleep=off)",
};

const REAL_TIME: Setting = Setting {
    icount: false,
    heading: "Two CPUs, real time of an emulator: only to see whether the above is plausible",
};

/// What is written as JSON.
#[derive(Serialize)]
struct Results<'a> {
    kernel: &'a str,
    runs: &'a [Report],
}

/// The verb.
pub fn bench(paths: &Paths, args: &BenchArgs) -> Result<ExitCode> {
    if let Some(BenchSubject::Agent(args)) = &args.subject {
        return load::bench(paths, args);
    }
    let progress = Progress::new(args.install);
    let cache = Cache {
        paths,
        progress: &progress,
    };
    let system = system(cache, args.kernel.clone())?;
    let reference_path = reference::path(&paths.repo);
    let reference = Reference::read(&reference_path)?;
    let this = Build::of(&system)?;
    let mut reports = Vec::new();
    for setting in [ICOUNT, REAL_TIME] {
        progress.say(&format!("{}:", setting.heading));
        let figures = measure(cache, &system, setting)?;
        let reference = reference.clone().filter(|_| setting.icount);
        let report = Report::new(setting.heading, setting.icount, figures, reference);
        println!("{report}");
        reports.push(report);
    }
    if let Some(reference) = &reference {
        println!("{}", reference.note(&this));
    }
    let json = match &args.json {
        Some(json) => json.clone(),
        None => paths
            .cache
            .join("out")
            .join(&system.version)
            .join("bench.json"),
    };
    let results = Results {
        kernel: &system.version,
        runs: &reports,
    };
    write(&json, &(serde_json::to_string_pretty(&results)? + "\n"))?;
    println!("All figures as JSON: {}", json.display());
    let plots = reports[0].plots()?;
    for (name, plot) in &plots {
        let path = json.with_file_name(name);
        write(&path, plot)?;
        println!("Plot: {}", path.display());
    }
    if args.save_reference {
        let missing = reports[0].missing();
        ensure!(
            missing.is_empty(),
            "the reference stays as it is: {}",
            missing.join("; ")
        );
        Reference::new(this, reports[0].figures()).write(&reference_path)?;
        println!("Saved as the reference: {}", reference_path.display());
        for (name, plot) in &plots {
            write(&paths.repo.join("docs").join(name), plot)?;
        }
    }
    Ok(if reports.iter().all(Report::is_complete) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

/// What the part that can be compared came to.
pub(super) struct Outcome {
    /// What could not be measured, and why.
    pub(super) missing: Vec<String>,
    /// What there is to say: the figures that are worse than the reference, and what that is.
    pub(super) notes: Vec<String>,
}

/// Measures what can be compared from run to run, and compares it. Takes about a minute.
pub(super) fn icount(cache: Cache<'_>, kernel: Option<KernelVersion>) -> Result<Outcome> {
    let system = system(cache, kernel)?;
    let reference = Reference::read(&reference::path(&cache.paths.repo))?;
    let note = match &reference {
        Some(reference) => reference.note(&Build::of(&system)?),
        None => "There is no reference: './scripts/bench --save-reference' saves one".to_owned(),
    };
    let figures = measure(cache, &system, ICOUNT)?;
    let report = Report::new(ICOUNT.heading, true, figures, reference);
    let worse = report.worse();
    let notes = if worse.is_empty() && report.has_reference() {
        Vec::new()
    } else {
        worse.into_iter().chain([note]).collect()
    };
    Ok(Outcome {
        missing: report.missing(),
        notes,
    })
}

/// The system with the bench's parts and its device tree.
fn system(cache: Cache<'_>, kernel: Option<KernelVersion>) -> Result<System> {
    let options = BuildOptions {
        kernel,
        bench: true,
        ..BuildOptions::default()
    };
    let mut system = build(cache.paths, &options, cache.progress)?;
    system.overlay = parts(&system)?.join(OVERLAY);
    Ok(system)
}

fn parts(system: &System) -> Result<&Path> {
    system.bench.as_deref().context("the bench was asked for")
}

/// Boots the machine and runs the guest's part.
fn measure(cache: Cache<'_>, system: &System, setting: Setting) -> Result<Figures> {
    let options = MachineOptions {
        purpose: "bench",
        share: Some(parts(system)?.to_owned()),
        icount: setting.icount,
        ..MachineOptions::default()
    };
    let machine = Machine::start(cache, system, &options)?;
    // The guest's program says which driver is bound when. Programs are copied, so that none of their pages comes over 9p
    // while the clock runs.
    let script = format!(
        "cd /sys/bus/platform && echo 0 >drivers_autoprobe && echo events >drivers/mypoll/unbind && \
         modprobe gpio_keys && cd /mnt/host && insmod {FLOOR} && cp {PROGRAM} {GPIOMON} /tmp && \
         export PATH=/tmp:$PATH && exec {PROGRAM}"
    );
    let mut stdout = Vec::new();
    let status = machine
        .guest()
        .run(["sh", "-c", &script], None, &mut stdout, &mut stderr())?;
    ensure!(
        status == 0,
        "{PROGRAM} ended with status {status} in the guest"
    );
    Figures::parse(&String::from_utf8(stdout)?)
}
