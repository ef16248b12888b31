// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypoll-image` for every machine and choice: all recipes parse, everything it needs is provided, and the layer gives no
//! reason for a warning. `bitbake -g` works out the same tasks as `bitbake -n`, without starting a process for each.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::yocto::output::Output;
use crate::yocto::{Build, Yocto};

const BUILDS: [Build; 11] = [
    Build {
        name: "qemuarm64",
        files: &["kas/qemuarm64.yml"],
    },
    Build {
        name: "qemux86-64",
        files: &["kas/qemux86-64.yml"],
    },
    Build {
        name: "raspberrypi3-64",
        files: &["kas/raspberrypi3-64.yml"],
    },
    Build {
        name: "raspberrypi4-64",
        files: &["kas/raspberrypi4-64.yml"],
    },
    Build {
        name: "raspberrypi5",
        files: &["kas/raspberrypi5.yml"],
    },
    Build {
        name: "without-meta-rust-bin",
        files: &["kas/qemuarm64.yml", "kas/rust-oe-core.yml"],
    },
    Build {
        name: "without-systemd",
        files: &["kas/qemuarm64.yml", "tests/yocto/kas/without-systemd.yml"],
    },
    Build {
        name: "debug-kernel",
        files: &["kas/qemuarm64.yml", "kas/debug-kernel.yml"],
    },
    Build {
        name: "vendor-kernel",
        files: &["kas/raspberrypi4-64.yml", "kas/vendor-kernel.yml"],
    },
    Build {
        name: "host-toolchain",
        files: &["kas/qemuarm64.yml", "kas/host-toolchain.yml"],
    },
    Build {
        name: "host-toolchain-x86-64",
        files: &["kas/qemux86-64.yml", "kas/host-toolchain.yml"],
    },
];

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    BUILDS
        .iter()
        .map(|build| {
            let what = format!("working out what mypoll-image needs ({})", build.name);
            let output = yocto.shell(build, &what, 90, "bitbake -g mypoll-image")?;
            Ok(verdict(build.name, &output))
        })
        .collect()
}

fn verdict(name: &str, output: &Output) -> Case {
    if output.success && output.complaints().is_empty() {
        Case::passed(name)
    } else {
        Case::failed(name, output.without_notes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(success: bool, text: &str) -> Output {
        Output {
            success,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_warning_fails_it() {
        let parsed = "Parsing recipes...done.\nNOTE: Task list saved to 'pn-buildlist'\n";
        assert_eq!(verdict("a", &output(true, parsed)), Case::passed("a"));
        let warned = format!("{parsed}WARNING: mypoll-agent is strange");
        assert_ne!(verdict("a", &output(true, &warned)), Case::passed("a"));
        assert_ne!(verdict("a", &output(false, parsed)), Case::passed("a"));
    }
}
