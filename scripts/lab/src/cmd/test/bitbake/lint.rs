// SPDX-License-Identifier: MIT OR Apache-2.0
//! What no build is needed for: the form of recipes, the layer's configuration, and the tests of the Python that recipes use.

use std::process::Command;

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, command, pytest, sources};
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

/// What bitbake's parser makes of the layer's configuration.
pub(super) fn configuration(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    const FOLDER: &str = "tests/yocto/configuration";
    let mut python = Command::new("python3");
    python.env("MYPOLL_LAYERS", yocto.layers());
    pytest::run(lab, &mut python, FOLDER, FOLDER)
}

pub(super) fn python(lab: &Lab<'_>) -> Result<Vec<Case>> {
    pytest::run(
        lab,
        &mut Command::new("python3"),
        "tests/yocto",
        "lib:meta-host-toolchain/lib",
    )
}
