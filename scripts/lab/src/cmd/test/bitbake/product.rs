// SPDX-License-Identifier: MIT OR Apache-2.0
//! The image as products have it, without what testimage needs: nobody gets in.

use std::process::Command;

use anyhow::Result;

use super::super::case::Case;
use super::super::{Lab, pytest};
use crate::store::step::Task;
use crate::yocto::{Yocto, builds};

const BITBAKE: &str = "bitbake mypoll-image";

pub(super) fn run(lab: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    let build = &builds::PRODUCT_QEMUARM64;
    let task = Task::new("yocto-product", "building mypoll-image for a product");
    let built = yocto.shell(build, &task, BITBAKE)?;
    if !built.success {
        return Ok(vec![Case::failed(BITBAKE, built.without_notes())]);
    }
    let root = yocto
        .build_folder(build)
        .join("tmp/deploy/images/qemuarm64/mypoll-image-qemuarm64.rootfs.tar.zst");
    let mut python = Command::new("python3");
    python.env("MYPOLL_ROOT", root);
    pytest::run(lab, &mut python, "tests/product", "tests/product")
}
