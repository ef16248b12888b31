// SPDX-License-Identifier: MIT OR Apache-2.0
//! oe-core's yocto-check-layer: what Yocto asks of a layer, and that adding it changes no signature.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::step::Task;
use crate::yocto::{Build, Yocto};

/// A build without the layer.
const CORE: Build = Build {
    name: "layer-check",
    files: &["kas/qemuarm64.yml", "tests/yocto/kas/oe-core-only.yml"],
};

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let repo = lab.paths.repo.display();
    check(yocto, &format!("'{repo}'"))
}

/// The profile's layer, beside those that it depends on.
pub(super) fn run_host_toolchain(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let repo = lab.paths.repo.display();
    let rust_bin = yocto.layer("meta-rust-bin");
    check(
        yocto,
        &format!(
            "'{repo}/meta-host-toolchain' --dependency '{repo}' '{}'",
            rust_bin.display()
        ),
    )
}

fn check(yocto: &Yocto<'_>, layer: &str) -> Result<Vec<Case>> {
    let script = format!("yocto-check-layer --no-auto --no-auto-dependency {layer}");
    let task = Task::new("yocto-layer-check", "checking the layer", 600);
    let output = yocto.shell(&CORE, &task, &script)?;
    Ok(cases(output.success, &output.without_notes()))
}

/// The tests in lines like `INFO: RESULTS - common.CommonCheckLayer.test_readme: PASSED (0.00s)`.
fn cases(success: bool, said: &str) -> Vec<Case> {
    let mut cases: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("INFO: RESULTS - ")?.split_once(": "))
        .map(|(name, result)| match result.split(' ').next() {
            Some("PASSED") => Case::passed(name),
            Some("SKIPPED") => Case::skipped(name, "it does not apply"),
            _ => Case::failed(name, details(name, said)),
        })
        .collect();
    let failed = cases.iter().any(Case::has_failed);
    if !failed && (!success || cases.is_empty()) {
        cases.push(Case::failed("yocto-check-layer", said));
    }
    cases
}

/// What was said below `INFO: test_readme (common.CommonCheckLayer.test_readme)`.
fn details<'a>(name: &str, said: &'a str) -> &'a str {
    let marker = format!("({name})\n");
    let said = said.split_once(&marker).map_or(said, |(_, rest)| rest);
    said.split("\nINFO: test_").next().unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &str = "\
INFO: RESULTS:
INFO: RESULTS - common.CommonCheckLayer.test_readme: PASSED (0.00s)
INFO: RESULTS - bsp.BSPCheckLayer.test_bsp_defines_machines: SKIPPED (0.00s)
";

    #[test]
    fn every_result_is_a_test() {
        let expected = [
            Case::passed("common.CommonCheckLayer.test_readme"),
            Case::skipped(
                "bsp.BSPCheckLayer.test_bsp_defines_machines",
                "it does not apply",
            ),
        ];
        assert_eq!(cases(true, RESULTS), expected);
    }

    #[test]
    fn failures_say_why() {
        let name = "common.CommonCheckLayer.test_security";
        let said = format!(
            "INFO: test_security ({name})\nINFO:  ... FAIL\nno SECURITY.md\nINFO: test_world (x)\n\
             INFO: RESULTS - {name}: FAILED (0.00s)"
        );
        let expected = [Case::failed(name, "INFO:  ... FAIL\nno SECURITY.md")];
        assert_eq!(cases(false, &said), expected);
    }

    #[test]
    fn a_check_that_did_not_run_has_failed() {
        assert!(cases(true, "").iter().any(Case::has_failed));
        assert!(cases(false, RESULTS).iter().any(Case::has_failed));
    }
}
