// SPDX-License-Identifier: MIT OR Apache-2.0
//! oe-core's yocto-check-layer: what Yocto asks of a layer, and that adding it changes no signature.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::store::step::Task;
use crate::yocto::{Build, Yocto};

/// A build without the layer.
const CORE: Build = Build {
    name: "layer-check",
    files: &["kas/qemuarm64.yml", "tests/yocto/kas/oe-core-only.yml"],
};

/// The same with meta-raspberrypi, whose kernel the layer has an append for.
const RASPBERRYPI: Build = Build {
    name: "layer-check-raspberrypi",
    files: &[
        "kas/raspberrypi4-64.yml",
        "tests/yocto/kas/oe-core-only.yml",
    ],
};

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    check(yocto, &CORE, &format!("'{}'", yocto.repo().display()))
}

pub(super) fn run_raspberrypi(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    check(
        yocto,
        &RASPBERRYPI,
        &format!("'{}'", yocto.repo().display()),
    )
}

/// The profile's layer, beside those that it depends on.
pub(super) fn run_host_toolchain(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let repo = yocto.repo();
    let repo = repo.display();
    let rust_bin = yocto.layers().join("meta-rust-bin");
    check(
        yocto,
        &CORE,
        &format!(
            "'{repo}/meta-host-toolchain' --dependency '{repo}' '{}'",
            rust_bin.display()
        ),
    )
}

fn check(yocto: &Yocto<'_>, build: &Build, layer: &str) -> Result<Vec<Case>> {
    let script = format!("yocto-check-layer --no-auto --no-auto-dependency {layer}");
    let task = Task::long("yocto-layer-check", "checking the layer");
    let output = yocto.shell(build, &task, &script)?;
    Ok(cases(output.success, &output.without_notes()))
}

/// The tests in pairs of lines like `INFO: test_readme (common.CommonCheckLayer.test_readme)` and `INFO:  ... ok`.
fn cases(success: bool, said: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut name = "";
    for line in said.lines().filter_map(|line| line.strip_prefix("INFO: ")) {
        if let Some(result) = line.strip_prefix(" ... ") {
            cases.push(match result.split_once(' ').unwrap_or((result, "")) {
                ("ok", _) => Case::passed(name),
                ("skipped", reason) => Case::skipped(name, reason.trim_matches(['"', '\''])),
                _ => Case::failed(name, details(name, said)),
            });
        } else if let Some((_, test)) = line
            .strip_suffix(')')
            .and_then(|line| line.split_once(" ("))
        {
            name = test;
        }
    }
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

    const PASSED: &str = "\
INFO: setUpClass (bsp.BSPCheckLayer)
INFO:  ... skipped \"BSPCheckLayer: Layer a isn't BSP one.\"
INFO: test_parse (common.CommonCheckLayer.test_parse)
INFO:  ... ok
INFO: Ran 9 tests in 0.1s
INFO:  (skipped=1)
";

    #[test]
    fn every_result_is_a_test() {
        let expected = [
            Case::skipped("bsp.BSPCheckLayer", "BSPCheckLayer: Layer a isn't BSP one."),
            Case::passed("common.CommonCheckLayer.test_parse"),
        ];
        assert_eq!(cases(true, PASSED), expected);
    }

    #[test]
    fn failures_say_why() {
        let name = "common.CommonCheckLayer.test_security";
        let said = format!(
            "INFO: test_security ({name})\nINFO:  ... FAIL\nno SECURITY.md\n\
             INFO: test_world (common.CommonCheckLayer.test_world)\nINFO:  ... ok"
        );
        let expected = [
            Case::failed(name, "INFO:  ... FAIL\nno SECURITY.md"),
            Case::passed("common.CommonCheckLayer.test_world"),
        ];
        assert_eq!(cases(false, &said), expected);
    }

    #[test]
    fn a_check_that_did_not_run_has_failed() {
        assert!(cases(true, "").iter().any(Case::has_failed));
        assert!(cases(false, PASSED).iter().any(Case::has_failed));
    }
}
