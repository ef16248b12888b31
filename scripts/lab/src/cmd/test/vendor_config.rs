// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust in a configuration that turns it off without a word, as vendors' do.

use anyhow::{Result, ensure};
use fs_err as fs;

use super::case::Case;
use super::variant::Variant;
use super::{Lab, Phase, command};
use crate::build::kernel::config;
use crate::deps::host;
use crate::deps::toolchain::Toolchain;

/// In arch/arm64/configs/bcm2711_defconfig of <https://github.com/raspberrypi/linux>, which is 5 GB.
const RASPBERRY_PI: &str = "CONFIG_MODVERSIONS=y\n";

/// What mypoll-vendor-kernel.inc adds.
const FRAGMENTS: [&str; 2] = ["rust", "gpio"];

pub(super) fn phase() -> Phase {
    Phase::new("kernel: a vendor's configuration", run)
}

fn run(lab: &Lab<'_>) -> Result<Vec<Case>> {
    let source = &lab.system(Variant::Normal)?.source;
    let folder = tempfile::tempdir()?;
    let vendor = fs::read_to_string(source.join("arch/arm64/configs/defconfig"))? + RASPBERRY_PI;
    let fragments = FRAGMENTS.map(|name| {
        let folder = "recipes-kernel/linux/files/fragments";
        lab.paths.repo.join(folder).join(format!("{name}.cfg"))
    });
    let llvm = host::prepare(lab.paths, lab.progress)?;
    let toolchain = Toolchain::prepare(lab.cache(), llvm)?;
    // As kernel-yocto does with the defconfig of linux-raspberrypi: KCONFIG_MODE = "--alldefconfig".
    let configured = |text: &str| -> Result<()> {
        let all = folder.path().join("all.config");
        fs::write(&all, text)?;
        let mut make = toolchain.kernel_make();
        make.arg("-C")
            .arg(source)
            .arg(format!("O={}", folder.path().display()))
            .arg("alldefconfig")
            .env("KCONFIG_ALLCONFIG", &all);
        let (success, said) = command::run(&mut make)?;
        ensure!(success, "{said}");
        config::check(&lab.paths.repo, &folder.path().join(".config"), &fragments)
    };

    let wanted = "its defconfig with CONFIG_RUST=y alone: the check says what drops it";
    let lost = match configured(&format!("{vendor}CONFIG_RUST=y\n")) {
        Err(said) if said.to_string().contains("MODVERSIONS is on") => Case::passed(wanted),
        Err(said) => Case::failed(wanted, said.to_string()),
        Ok(()) => Case::failed(wanted, "nothing was dropped"),
    };

    let wanted = "its defconfig with our fragments: Rust and all else is there";
    let mut text = vendor;
    for fragment in &fragments {
        text += &fs::read_to_string(fragment)?;
    }
    let kept = match configured(&text) {
        Err(said) => Case::failed(wanted, said.to_string()),
        Ok(()) => Case::passed(wanted),
    };
    Ok(vec![lost, kept])
}
