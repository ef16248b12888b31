// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the site from `docs/`: drawings are up to date, doc comments and pages have no dead links.

use std::process::Command;

use anyhow::Result;

use super::case::Case;
use super::{Lab, Phase, command};
use crate::deps::cargo_install::CargoInstall;
use crate::deps::host::output;
use crate::deps::python;

const PIKCHR: CargoInstall = CargoInstall {
    name: "pikchr-cli",
    package: "pikchr-cli",
    version: "0.1.2",
    options: &["--debug"],
};

/// Unoptimised: an optimised build takes four times as long, and either renders the site in seconds.
const MDBOOK: CargoInstall = CargoInstall {
    name: "mdbook",
    package: "mdbook",
    version: "0.5.4",
    options: &["--debug", "--no-default-features", "--features=search"],
};

/// API documentation: page of the site, workspace, target folder in the cache, and options of cargo doc.
const API: [(&str, &str, &str, &[&str]); 2] = [
    (
        "Rust crates",
        "recipes-apps/mypoll-agent/mypoll-agent",
        "target-agent",
        &["--workspace", "--all-features"],
    ),
    (
        "Driver's queues",
        "recipes-kernel/mypoll/host-tests",
        "target-driver",
        &[],
    ),
];

/// Links to private items are allowed, since private items are documented, too.
const RUSTDOC: &str = "-D warnings -A rustdoc::private_intra_doc_links";

pub(super) fn phase() -> Phase {
    Phase::new("docs: site", site)
}

fn site(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let (repo, cache) = (&lab.paths.repo, &lab.paths.cache);
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let host = host.trim();
    let pikchr = PIKCHR.ensure(lab.cache(), host)?;
    let mut drawings = Command::new(repo.join("docs/drawings/draw.py"));
    drawings.arg("--check").arg("--pikchr").arg(pikchr);
    let mut cases = vec![command::case("drawings are up to date", &mut drawings)?];

    let mut site = Command::new(repo.join("docs/site.py"));
    site.arg(cache.join("site"));
    for (name, folder, target, options) in API {
        let mut doc = lab.cargo(folder, target);
        doc.args(["doc", "--locked", "--no-deps", "--document-private-items"])
            .args(options)
            .env("RUSTDOCFLAGS", RUSTDOC);
        cases.push(command::case(&format!("cargo doc: {name}"), &mut doc)?);
        site.arg(format!(
            "--api={name}={}",
            cache.join(target).join("doc").display()
        ));
    }

    let environment = python::environment(lab.cache(), "linkchecker", "docs/requirements.txt")?;
    site.arg("--mdbook")
        .arg(MDBOOK.ensure(lab.cache(), host)?)
        .arg("--python")
        .arg(environment.join("bin/python3"));
    cases.push(command::case("links", &mut site)?);
    Ok(cases)
}
