// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench`: mypoll, the interfaces that one would take instead, and a floor, in the same machine.

mod figures;
mod report;
mod target;

use std::fs;
use std::io::stderr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::bench::{FLOOR, OVERLAY, PROGRAM};
use crate::cache::Cache;
use crate::cli::BenchArgs;
use crate::machine::{Machine, MachineOptions};
use crate::{BuildOptions, Paths, Progress, System, build};
use figures::Figures;
use report::Report;

/// A machine that everything is measured in.
#[derive(Clone, Copy)]
struct Setting {
    icount: bool,
    /// Said before its table.
    heading: &'static str,
}

const SETTINGS: [Setting; 2] = [
    Setting {
        icount: true,
        heading: "One CPU, a guest nanosecond for each instruction (-icount shift=0,sleep=off)",
    },
    Setting {
        icount: false,
        heading: "Two CPUs, real time of an emulator: only to see whether the above is plausible",
    },
];

/// What is written as JSON.
#[derive(Serialize)]
struct Results<'a> {
    kernel: &'a str,
    runs: &'a [Report],
}

/// The verb.
pub fn bench(paths: &Paths, args: &BenchArgs) -> Result<ExitCode> {
    let progress = Progress::new();
    let options = BuildOptions {
        kernel: args.kernel.clone(),
        install: !args.no_install,
        bench: true,
        ..BuildOptions::default()
    };
    let mut system = build(paths, &options, &progress)?;
    let parts = system.bench.clone().context("the bench was asked for")?;
    system.overlay = parts.join(OVERLAY);
    let cache = Cache {
        paths,
        progress: &progress,
    };
    let mut reports = Vec::new();
    for setting in SETTINGS {
        progress.say(&format!("{}:", setting.heading));
        let figures = measure(cache, &system, &parts, setting)?;
        let report = Report::new(setting.heading, setting.icount, figures);
        println!("{report}");
        reports.push(report);
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
    fs::write(&json, serde_json::to_string_pretty(&results)? + "\n")
        .with_context(|| format!("can't write {}", json.display()))?;
    println!("All figures as JSON: {}", json.display());
    Ok(if reports.iter().all(Report::is_complete) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Boots the machine and runs the guest's part.
fn measure(cache: Cache<'_>, system: &System, parts: &Path, setting: Setting) -> Result<Figures> {
    let options = MachineOptions {
        purpose: "bench",
        share: Some(parts.to_owned()),
        icount: setting.icount,
        ..MachineOptions::default()
    };
    let machine = Machine::start(cache, system, &options)?;
    // The guest's program says which driver is bound when. It is copied, so that none of its pages comes over 9p while
    // the clock runs.
    let script = format!(
        "cd /sys/bus/platform && echo 0 >drivers_autoprobe && echo events >drivers/mypoll/unbind && \
         modprobe gpio_keys && insmod /mnt/host/{FLOOR} && cp /mnt/host/{PROGRAM} /tmp && exec /tmp/{PROGRAM}"
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
