// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests on the host: format, lints and tests of each cargo workspace.

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::{Lab, Phase, command, nextest};
use crate::deps::cargo;
use crate::deps::host::{self, Need, provide};

/// A cargo workspace.
#[derive(Clone, Copy)]
struct Workspace {
    name: &'static str,
    folder: &'static str,
    /// Its target folder in the cache.
    target: &'static str,
    /// Arguments of `cargo nextest run`.
    tests: &'static [&'static str],
    /// Whether it has doc tests, which nextest does not run.
    examples: bool,
    /// Programs that the tests start.
    needs: &'static [Need],
}

const WORKSPACES: [Workspace; 3] = [
    Workspace {
        name: "lab",
        folder: "scripts/lab",
        // The folder of scripts/lab/start.sh, to avoid compiling twice.
        target: "target",
        // The tests of the other member need a built system.
        tests: &["--package=lab"],
        examples: false,
        needs: &[],
    },
    Workspace {
        name: "agent",
        folder: "recipes-apps/mypoll-agent/mypoll-agent",
        target: "target-agent",
        tests: &["--workspace", "--all-features"],
        examples: true,
        needs: &[host::tool("mosquitto", "mosquitto")],
    },
    Workspace {
        name: "driver",
        folder: "recipes-kernel/mypoll/host-tests",
        target: "target-driver",
        tests: &["--workspace"],
        examples: false,
        needs: &[],
    },
];

pub(super) fn phases() -> Vec<Phase> {
    WORKSPACES
        .into_iter()
        .flat_map(|workspace| {
            let Workspace {
                name,
                folder,
                target,
                ..
            } = workspace;
            [
                Phase::new(format!("{name}: rustfmt"), move |lab| {
                    let mut fmt = lab.cargo(folder, target);
                    component(lab, "rustfmt", fmt.args(["fmt", "--all", "--check"]))
                }),
                Phase::new(format!("{name}: clippy"), move |lab| {
                    let mut clippy = lab.cargo(folder, target);
                    component(lab, "clippy", cargo::clippy(&mut clippy, &lab.paths.repo))
                }),
                Phase::new(format!("{name}: tests on the host"), move |lab| {
                    provide(lab.paths, lab.progress, workspace.needs)?;
                    let mut cases = nextest::run(
                        lab,
                        lab.cargo(folder, target),
                        &[&["nextest", "run"], workspace.tests].concat(),
                    )?;
                    if workspace.examples {
                        let mut test = lab.cargo(folder, target);
                        test.args(["test", "--locked", "--doc"])
                            .args(workspace.tests);
                        cases.push(command::case("examples of the documentation", &mut test)?);
                    }
                    Ok(cases)
                }),
            ]
        })
        .map(Phase::quick)
        .collect()
}

/// Runs a test with a Rust component, which rustup's minimal profile does not include.
fn component(lab: &Lab<'_>, component: &str, command: &mut Command) -> Result<Vec<Case>> {
    let program = format!("cargo-{}", component.trim_start_matches("rust"));
    if !command::is_installed(&program) {
        let mut add = Command::new("rustup");
        add.args(["component", "add", component]);
        if !lab.progress.may_install() || !command::is_installed("rustup") {
            return Ok(vec![Case::skipped(component, "not installed")]);
        }
        let (success, output) = command::run(&mut add)?;
        if !success {
            return Ok(vec![Case::skipped(
                component,
                format!("rustup can't install it: {}", output.trim()),
            )]);
        }
    }
    Ok(vec![command::case(component, command)?])
}
