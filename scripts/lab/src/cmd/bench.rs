// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench`: mypoll, the alternative interfaces and a floor, measured in the same machine.

mod load;

use std::io::stderr;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use crate::build::bench_parts::{FLOOR, GPIOMON, OVERLAY, PROGRAM};
use crate::cli::{BenchArgs, BenchSubject};
use crate::store::cache::Cache;
use crate::vm::machine::{Machine, MachineOptions};
use crate::{BuildOptions, Paths, Progress, System, build};

/// Runs `./scripts/bench`.
pub fn bench(paths: &Paths, args: &BenchArgs) -> Result<ExitCode> {
    if let Some(BenchSubject::Agent(args)) = &args.subject {
        return load::bench(paths, args);
    }
    let progress = Progress::new(args.install);
    let cache = Cache::new(paths, &progress);
    let bench = Bench::prepare(cache, args.kernel.clone())?;
    progress.say("One CPU, one guest nanosecond per instruction:");
    bench.measure(cache, true)?;
    progress.say("Two CPUs, real time of the emulator:");
    bench.measure(cache, false)?;
    let mut report = bench.report(paths, &[ICOUNT, REAL_TIME]);
    let out = paths.cache.join("out").join(&bench.system.version);
    let json = args.json.clone();
    report
        .arg("--json")
        .arg(json.unwrap_or_else(|| out.join("bench.json")));
    if args.save_reference {
        report.arg("--save-reference");
    }
    let status = report.status().context("can't start python3")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Measures the figures that are comparable between runs, in about a minute. The returned command prints what is worse
/// than the reference, and fails if a figure could not be measured.
pub(super) fn icount(cache: Cache<'_>, kernel: Option<String>) -> Result<(Command, TempDir)> {
    let bench = Bench::prepare(cache, kernel)?;
    bench.measure(cache, true)?;
    Ok((bench.report(cache.paths, &[ICOUNT]), bench.outputs))
}

/// Names of the files with the guest's output, for the machine with comparable figures and the other one.
const ICOUNT: &str = "icount";
const REAL_TIME: &str = "real-time";

struct Bench {
    /// The system with the bench's device tree.
    system: System,
    /// Holds the output of the guests.
    outputs: TempDir,
}

impl Bench {
    fn prepare(cache: Cache<'_>, kernel: Option<String>) -> Result<Self> {
        let options = BuildOptions {
            kernel,
            bench: true,
            ..BuildOptions::default()
        };
        let mut system = build(cache.paths, &options, cache.progress)?;
        let parts = system
            .bench
            .as_ref()
            .context("the build has no bench parts")?;
        system.overlay = parts.join(OVERLAY);
        let outputs = tempfile::tempdir()?;
        Ok(Self { system, outputs })
    }

    /// Boots a machine and runs the benchmark in the guest.
    fn measure(&self, cache: Cache<'_>, icount: bool) -> Result<()> {
        let options = MachineOptions {
            purpose: "bench",
            share: self.system.bench.clone(),
            icount,
            ..MachineOptions::default()
        };
        let machine = Machine::start(cache, &self.system, &options)?;
        // The guest's program decides which driver is bound when. Programs are copied first: no page is read over 9p
        // while the clock runs.
        let script = format!(
            "cd /sys/bus/platform && echo 0 >drivers_autoprobe && echo events >drivers/mypoll/unbind && \
             modprobe gpio_keys && cd /mnt/host && insmod {FLOOR} && cp {PROGRAM} {GPIOMON} /tmp && \
             export PATH=/tmp:$PATH && exec {PROGRAM}"
        );
        let name = if icount { ICOUNT } else { REAL_TIME };
        let mut output = fs::File::create(self.outputs.path().join(name))?;
        let command = ["sh", "-c", &script];
        let status = machine
            .guest()
            .run(command, None, &mut output, &mut stderr())?;
        ensure!(
            status == 0,
            "{PROGRAM} ended with status {status} in the guest"
        );
        Ok(())
    }

    /// The command that turns outputs of the guests into tables.
    fn report(&self, paths: &Paths, outputs: &[&str]) -> Command {
        let mut report = Command::new("python3");
        report
            .arg(paths.repo.join("tests/bench/report.py"))
            .args(["--kernel", &self.system.version, "--config"])
            .arg(self.system.image.with_file_name("config"))
            .args(outputs.iter().map(|name| self.outputs.path().join(name)));
        report
    }
}
