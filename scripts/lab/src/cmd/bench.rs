// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/bench`: mypoll, the interfaces that one would take instead, and a floor, in the same machine.

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

/// The verb.
pub fn bench(paths: &Paths, args: &BenchArgs) -> Result<ExitCode> {
    if let Some(BenchSubject::Agent(args)) = &args.subject {
        return load::bench(paths, args);
    }
    let progress = Progress::new(args.install);
    let cache = Cache::new(paths, &progress);
    let bench = Bench::prepare(cache, args.kernel.clone())?;
    progress.say("One CPU, a guest nanosecond for each instruction:");
    bench.measure(cache, true)?;
    progress.say("Two CPUs, real time of an emulator:");
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

/// Measures what can be compared from run to run, which takes about a minute. The command says what is worse than the
/// reference, and fails with what could not be measured.
pub(super) fn icount(cache: Cache<'_>, kernel: Option<String>) -> Result<(Command, TempDir)> {
    let bench = Bench::prepare(cache, kernel)?;
    bench.measure(cache, true)?;
    Ok((bench.report(cache.paths, &[ICOUNT]), bench.said))
}

/// What the guest said in the machine whose figures can be compared from run to run, and in the other one.
const ICOUNT: &str = "icount";
const REAL_TIME: &str = "real-time";

struct Bench {
    /// The system with the bench's device tree.
    system: System,
    /// The folder of what the guests say.
    said: TempDir,
}

impl Bench {
    fn prepare(cache: Cache<'_>, kernel: Option<String>) -> Result<Self> {
        let options = BuildOptions {
            kernel,
            bench: true,
            ..BuildOptions::default()
        };
        let mut system = build(cache.paths, &options, cache.progress)?;
        let parts = system.bench.as_ref().context("the bench was asked for")?;
        system.overlay = parts.join(OVERLAY);
        let said = tempfile::tempdir()?;
        Ok(Self { system, said })
    }

    /// Boots the machine and runs the guest's part.
    fn measure(&self, cache: Cache<'_>, icount: bool) -> Result<()> {
        let options = MachineOptions {
            purpose: "bench",
            share: self.system.bench.clone(),
            icount,
            ..MachineOptions::default()
        };
        let machine = Machine::start(cache, &self.system, &options)?;
        // The guest's program says which driver is bound when. Programs are copied, so that none of their pages comes over 9p
        // while the clock runs.
        let script = format!(
            "cd /sys/bus/platform && echo 0 >drivers_autoprobe && echo events >drivers/mypoll/unbind && \
             modprobe gpio_keys && cd /mnt/host && insmod {FLOOR} && cp {PROGRAM} {GPIOMON} /tmp && \
             export PATH=/tmp:$PATH && exec {PROGRAM}"
        );
        let name = if icount { ICOUNT } else { REAL_TIME };
        let mut said = fs::File::create(self.said.path().join(name))?;
        let command = ["sh", "-c", &script];
        let status = machine
            .guest()
            .run(command, None, &mut said, &mut stderr())?;
        ensure!(
            status == 0,
            "{PROGRAM} ended with status {status} in the guest"
        );
        Ok(())
    }

    /// What makes tables of what was said.
    fn report(&self, paths: &Paths, said: &[&str]) -> Command {
        let mut report = Command::new("python3");
        report
            .arg(paths.repo.join("tests/bench/report.py"))
            .args(["--kernel", &self.system.version, "--config"])
            .arg(self.system.image.with_file_name("config"))
            .args(said.iter().map(|name| self.said.path().join(name)));
        report
    }
}
