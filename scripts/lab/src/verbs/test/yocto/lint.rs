// SPDX-License-Identifier: MIT OR Apache-2.0
//! What needs no bitbake: the form of recipes, and the tests of the Python that recipes use.

use std::process::Command;

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, command, sources};
use crate::yocto::Yocto;

/// Where recipes are.
const FOLDERS: [&str; 9] = [
    "classes-global",
    "classes-recipe",
    "dynamic-layers",
    "meta-host-toolchain",
    "recipes-apps",
    "recipes-bsp",
    "recipes-core",
    "recipes-kernel",
    "tests/yocto/meta-wrong",
];

pub(super) fn oelint(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        files.extend(sources::files(&lab.paths.repo.join(folder), |path| {
            sources::has_extension(path, &["bb", "bbappend", "bbclass", "inc"])
        })?);
    }
    let mut oelint = yocto.tool("oelint-adv");
    oelint
        .args(["--quiet", "--release=wrynose"])
        .args(files)
        // Where .oelint.cfg is.
        .current_dir(&lab.paths.repo);
    Ok(vec![command::case("recipes and classes", &mut oelint)?])
}

pub(super) fn python(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let mut unittest = Command::new("python3");
    unittest
        .args([
            "-m",
            "unittest",
            "discover",
            "--verbose",
            "--start-directory",
            "tests/yocto",
        ])
        .current_dir(&lab.paths.repo)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", "lib:meta-host-toolchain/lib");
    let (success, said) = command::run(&mut unittest)?;
    Ok(cases(success, &said))
}

/// The tests in lines like `test_empty (test_cargo_lock.Crates.test_empty) ... ok`.
fn cases(success: bool, said: &str) -> Vec<Case> {
    let mut cases: Vec<_> = said
        .lines()
        .filter_map(|line| {
            let (test, result) = line.rsplit_once(" ... ")?;
            let name = test.split_once('(')?.1.trim_end_matches(')');
            Some(match result.split_once(' ').unwrap_or((result, "")) {
                ("ok", _) => Case::passed(name),
                ("skipped", reason) => Case::skipped(name, reason.trim_matches('\'')),
                _ => Case::failed(name, said),
            })
        })
        .collect();
    let failed = cases.iter().any(Case::has_failed);
    if cases.is_empty() || !success && !failed {
        cases.push(Case::failed("unittest", said));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
test_crates (test_cargo_lock.Crates.test_crates) ... ok
test_dt (test_schema.Binding.test_dt) ... skipped 'no dtschema'
";

    #[test]
    fn every_test_is_counted() {
        let expected = [
            Case::passed("test_cargo_lock.Crates.test_crates"),
            Case::skipped("test_schema.Binding.test_dt", "no dtschema"),
        ];
        assert_eq!(cases(true, RUN), expected);
    }

    #[test]
    fn failures_have_failed() {
        let said = "test_crates (test_cargo_lock.Crates.test_crates) ... FAIL\nAssertionError";
        let expected = [Case::failed("test_cargo_lock.Crates.test_crates", said)];
        assert_eq!(cases(false, said), expected);
    }

    #[test]
    fn tests_that_can_not_start_have_failed() {
        assert!(cases(false, "ImportError").iter().any(Case::has_failed));
        assert!(
            cases(true, "Ran 0 tests in 0.000s")
                .iter()
                .any(Case::has_failed)
        );
        assert!(cases(false, RUN).iter().any(Case::has_failed));
    }
}
