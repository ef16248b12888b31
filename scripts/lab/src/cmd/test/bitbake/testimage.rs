// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests an image with oe-core's testimage, which boots it and runs `lib/oeqa/runtime/cases`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fs_err as fs;
use serde::Deserialize;

use super::super::Lab;
use super::super::case::Case;
use crate::store::remove;
use crate::yocto::builds::{self, Build};
use crate::yocto::output::Output;
use crate::yocto::{Yocto, shell_words};

/// testresults.json: the runs by name.
type Results = BTreeMap<String, OneRun>;

#[derive(Deserialize)]
struct OneRun {
    result: BTreeMap<String, Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    status: String,
    #[serde(default)]
    log: String,
}

/// Tests in a machine that testimage boots.
pub(super) fn run(yocto: &Yocto<'_>, build: &Build) -> Result<Vec<Case>> {
    test(yocto, build, "bitbake -c testimage mypoll-image")
}

/// Tests a running image over ssh, like a board.
pub(super) fn run_board(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let script = shell_words([lab.paths.repo.join("tests/yocto/testimage-board.sh")]);
    let script = format!("bitbake mypoll-image && {script}");
    test(yocto, &builds::BOARD_QEMUARM64, &script)
}

fn test(yocto: &Yocto<'_>, build: &Build, script: &str) -> Result<Vec<Case>> {
    let results = yocto
        .build_folder(build)
        .join("tmp/log/oeqa/testresults.json");
    remove(&results)?;
    let log = format!("testimage-{}", build.name);
    let output = yocto.shell(build, &log, "testing the booted image", script)?;
    let results = if results.exists() {
        let json = fs::read(&results)?;
        serde_json::from_slice(&json).with_context(|| results.display().to_string())?
    } else {
        Results::new()
    };
    Ok(cases(results, &output))
}

fn cases(results: Results, output: &Output) -> Vec<Case> {
    let mut cases: Vec<_> = results
        .into_values()
        .flat_map(|run| run.result)
        .map(|(name, verdict)| {
            let name = format!("testimage: {name}");
            match verdict.status.as_str() {
                "PASSED" => Case::passed(name),
                "SKIPPED" => Case::skipped(name, verdict.log),
                status => Case::failed(name, format!("{status}\n{}", verdict.log)),
            }
        })
        .collect();
    let failed = cases.iter().any(Case::has_failed);
    if cases.is_empty() || !output.success && !failed {
        cases.push(Case::failed("testimage", output.without_notes()));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "runtime_mypoll-image_qemuarm64_20261121": {
            "configuration": {"MACHINE": "qemuarm64"},
            "result": {
                "mypoll.MypollDriverTest.test_modprobe": {"duration": 1.5, "status": "PASSED"},
                "mypoll.MypollDriverTest.test_selftest": {"status": "FAILED", "log": "1 of 9"},
                "ssh.SSHTest.test_ssh": {"status": "SKIPPED", "log": "no ssh"}
            }
        }
    }"#;

    fn output(success: bool) -> Output {
        Output {
            success,
            text: "ERROR: runqemu failed".to_owned(),
        }
    }

    #[test]
    fn every_result_is_a_test() {
        let expected = [
            Case::passed("testimage: mypoll.MypollDriverTest.test_modprobe"),
            Case::failed(
                "testimage: mypoll.MypollDriverTest.test_selftest",
                "FAILED\n1 of 9",
            ),
            Case::skipped("testimage: ssh.SSHTest.test_ssh", "no ssh"),
        ];
        assert_eq!(
            cases(serde_json::from_str(JSON).unwrap(), &output(false)),
            expected
        );
    }

    #[test]
    fn missing_results_are_a_failure() {
        let expected = [Case::failed("testimage", "ERROR: runqemu failed")];
        assert_eq!(cases(Results::new(), &output(true)), expected);
        assert_eq!(cases(Results::new(), &output(false)), expected);
    }
}
