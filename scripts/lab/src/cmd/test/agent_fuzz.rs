// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fuzzes the agent's inputs with libFuzzer: journal files, configuration, client lines.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Result, anyhow};

use super::case::Case;
use super::guests::number;
use super::{Phase, command};
use crate::deps::host;

const FOLDER: &str = "recipes-apps/mypoll-agent/mypoll-agent/fuzz";

const TARGET: &str = "target-fuzz";

const TARGETS: [&str; 3] = ["configuration", "journal", "request"];

/// Default duration; the environment variable `FUZZ_SECONDS` overrides it.
const SECONDS: u64 = 20;

/// The coverage options of cargo-fuzz that stable Rust accepts.
const COVERAGE: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(super) fn phase() -> Phase {
    Phase::new("agent: fuzz", |lab| {
        let seconds = number("FUZZ_SECONDS")?.unwrap_or(SECONDS);
        let target = lab.paths.cache.join(TARGET);
        let folder = lab.paths.repo.join(FOLDER);
        let mut build = lab.cargo(FOLDER, TARGET);
        build
            // With --target, RUSTFLAGS do not apply to procedural macros, which are not linked with libFuzzer.
            .args(["build", "--locked", "--release", "--target", "host-tuple"])
            .env("RUSTFLAGS", COVERAGE);
        let (success, output) = command::run(&mut build)?;
        if !success {
            return Ok(vec![Case::failed("build", output)]);
        }
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--print", "host-tuple"])
            .current_dir(&lab.paths.repo);
        let programs = &target
            .join(host::output(&mut rustc)?.trim())
            .join("release");
        let folder = &folder;
        thread::scope(|scope| {
            TARGETS
                .map(|name| scope.spawn(move || fuzz(name, &programs.join(name), folder, seconds)))
                .map(|run| {
                    run.join()
                        .map_err(|_| anyhow!("a fuzz target's thread panicked"))?
                })
                .into_iter()
                .collect()
        })
    })
}

/// Runs one target, starting from its corpus. New inputs are discarded, so that the corpus stays small.
fn fuzz(name: &str, program: &Path, folder: &Path, seconds: u64) -> Result<Case> {
    let work = tempfile::tempdir()?;
    let new = work.path().join("corpus");
    fs::create_dir(&new)?;
    let mut fuzz = Command::new(program);
    fuzz.arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", work.path().display()))
        .args([new, folder.join("corpus").join(name)]);
    let (success, mut output) = command::run(&mut fuzz)?;
    if success {
        return Ok(Case::passed(name));
    }
    // The folder is temporary, so the report has to contain the input.
    for entry in fs::read_dir(work.path())? {
        let path = entry?.path();
        if path.is_file() {
            output += &format!("the input: {}\n", fs::read(&path)?.escape_ascii());
        }
    }
    Ok(Case::failed(name, output))
}
