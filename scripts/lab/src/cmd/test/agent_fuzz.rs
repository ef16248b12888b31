// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the agent reads from outside, made up by libFuzzer: the journal's files, the configuration, a client's lines.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Result, anyhow};

use super::case::Case;
use super::guests::number;
use super::{Lab, Phase, command};
use crate::deps::cargo::cargo;

const FOLDER: &str = "recipes-apps/mypoll-agent/mypoll-agent/fuzz";

const TARGETS: [&str; 3] = ["configuration", "journal", "request"];

/// For how long, where the environment variable `FUZZ_SECONDS` does not say.
const SECONDS: u64 = 20;

/// How cargo-fuzz has code say where it was; stable Rust takes these.
const COVERAGE: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(super) fn phase() -> Phase {
    Phase::new("agent: fuzz", |lab| {
        let seconds = number("FUZZ_SECONDS")?.unwrap_or(SECONDS);
        let target = lab.paths.cache.join("target-fuzz");
        let folder = lab.paths.repo.join(FOLDER);
        let mut build = cargo(&lab.paths.repo, &target);
        build
            // Procedural macros are not to be covered: they would lack libFuzzer.
            .args(["build", "--locked", "--release", "--target", "host-tuple"])
            .env("RUSTFLAGS", COVERAGE)
            .current_dir(&folder);
        let (success, said) = command::run(&mut build)?;
        if !success {
            return Ok(vec![Case::failed("build", said)]);
        }
        let (programs, folder) = (&programs(lab, &target)?, &folder);
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

/// Where cargo puts programs for this machine when its target is named.
fn programs(lab: &Lab<'_>, target: &Path) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--print", "host-tuple"])
        .current_dir(&lab.paths.repo);
    let (_, host) = command::run(&mut rustc)?;
    Ok(target.join(host.trim()).join("release"))
}

/// Runs one target from its kept inputs on. New ones are not kept: the folder stays small.
fn fuzz(name: &str, program: &Path, folder: &Path, seconds: u64) -> Result<Case> {
    let found = tempfile::tempdir()?;
    let new = found.path().join("corpus");
    fs::create_dir(&new)?;
    let mut fuzz = Command::new(program);
    fuzz.arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", found.path().display()))
        .args([new, folder.join("corpus").join(name)]);
    let (success, mut said) = command::run(&mut fuzz)?;
    if success {
        return Ok(Case::passed(name));
    }
    // The input goes with the folder, so it has to be in the report.
    for entry in fs::read_dir(found.path())? {
        let path = entry?.path();
        if path.is_file() {
            said += &format!("the input: {}\n", fs::read(&path)?.escape_ascii());
        }
    }
    Ok(Case::failed(name, said))
}
