// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests the check of kernel options with a vendor configuration, which silently disables Rust.

use anyhow::{Result, ensure};
use fs_err as fs;

use super::case::Case;
use super::{Lab, Phase, command};
use crate::Flavour;
use crate::build::kernel::config;
use crate::deps::host;
use crate::deps::toolchain::Toolchain;

/// From arch/arm64/configs/bcm2711_defconfig of <https://github.com/raspberrypi/linux>, a 5 GB repository.
const RASPBERRY_PI: &str = "CONFIG_MODVERSIONS=y\n";

/// The fragments that mypoll-vendor-kernel.inc adds.
const FRAGMENTS: [&str; 2] = ["rust", "gpio"];

pub(super) fn phase() -> Phase {
    Phase::new("kernel: a vendor's configuration", run)
}

fn run(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let source = &lab.system(Flavour::Normal)?.source;
    let folder = tempfile::tempdir()?;
    let vendor = fs::read_to_string(source.join("arch/arm64/configs/defconfig"))? + RASPBERRY_PI;
    let fragments = FRAGMENTS.map(|name| {
        let folder = "recipes-kernel/linux/files/fragments";
        lab.paths.repo.join(folder).join(format!("{name}.cfg"))
    });
    let llvm = host::prepare(lab.paths, lab.progress)?;
    let toolchain = Toolchain::prepare(lab.cache(), llvm)?;
    // Like kernel-yocto with the defconfig of linux-raspberrypi: KCONFIG_MODE = "--alldefconfig".
    let configured = |text: &str| -> Result<()> {
        let all = folder.path().join("all.config");
        fs::write(&all, text)?;
        let mut make = toolchain.kernel_make();
        make.arg("-C")
            .arg(source)
            .arg(format!("O={}", folder.path().display()))
            .arg("alldefconfig")
            .env("KCONFIG_ALLCONFIG", &all);
        let (success, output) = command::run(&mut make)?;
        ensure!(success, "{output}");
        config::check(&lab.paths.repo, &folder.path().join(".config"), &fragments)
    };

    let name =
        "its defconfig with only CONFIG_RUST=y: the check names the option that disables Rust";
    let without_fragments = match configured(&format!("{vendor}CONFIG_RUST=y\n")) {
        Err(error) if error.to_string().contains("MODVERSIONS is on") => Case::passed(name),
        Err(error) => Case::failed(name, error.to_string()),
        Ok(()) => Case::failed(name, "Rust was not disabled"),
    };

    let name = "its defconfig with our fragments: all their options are set";
    let mut text = vendor;
    for fragment in &fragments {
        text += &fs::read_to_string(fragment)?;
    }
    let with_fragments = match configured(&text) {
        Err(error) => Case::failed(name, error.to_string()),
        Ok(()) => Case::passed(name),
    };
    Ok(vec![without_fragments, with_fragments])
}
