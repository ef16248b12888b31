// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes that people make: bitbake has to fail, with a sentence that says what to do.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::store::step::Task;
use crate::yocto::output::Output;
use crate::yocto::{Build, Yocto};

struct Mistake {
    name: &'static str,
    files: &'static [&'static str],
    script: &'static str,
    /// What has to be among the errors.
    says: &'static str,
}

const MISTAKES: [Mistake; 10] = [
    Mistake {
        name: "RUST dropped from the kernel's configuration",
        files: &[
            "kas/qemuarm64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/rust-dropped.yml",
        ],
        script: "bitbake -c configure linux-mypoll",
        says: "MODVERSIONS is on: turn it off, or GENDWARFKSYMS on",
    },
    Mistake {
        name: "a workaround for an erratum turned off",
        files: &[
            "kas/qemuarm64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/erratum-off.yml",
        ],
        script: "bitbake -c configure linux-mypoll",
        says: "workarounds that are on by default are off: add to a fragment",
    },
    Mistake {
        name: "an old bindgen",
        files: &[
            "kas/qemuarm64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/old-bindgen.yml",
        ],
        script: "bitbake -c configure linux-mypoll",
        says: "The kernel can't use this Rust toolchain: Rust bindings generator",
    },
    Mistake {
        name: "meta-rust-bin missing",
        files: &["kas/qemuarm64.yml", "tests/yocto/kas/no-rust-layer.yml"],
        script: "bitbake mypoll-image",
        says: "meta-rust-bin is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "meta-raspberrypi missing",
        files: &[
            "kas/qemuarm64.yml",
            "tests/yocto/kas/no-raspberrypi-layer.yml",
        ],
        script: "bitbake mypoll-image",
        says: "meta-raspberrypi is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "a wrong MACHINE",
        files: &["kas/qemuarm64.yml", "tests/yocto/kas/wrong-machine.yml"],
        script: "bitbake mypoll-image",
        says: "linux-mypoll has no configuration for MACHINE \"qemuarm\": choose one of",
    },
    Mistake {
        name: "a board that linux-mypoll does not know",
        files: &["kas/raspberrypi5.yml", "tests/yocto/kas/unknown-board.yml"],
        script: "bitbake mypoll-image",
        says: "linux-mypoll has no configuration for MACHINE \"raspberrypi-cm5-io-board\": choose one of",
    },
    Mistake {
        name: "a wrong MACHINE for the host's toolchain",
        files: &[
            "kas/qemuarm64.yml",
            "kas/vendor-kernel.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/wrong-machine.yml",
        ],
        script: "bitbake mypoll-image",
        says: "choose a MACHINE that is aarch64 or x86_64",
    },
    Mistake {
        name: "a card for a product with the host's toolchain",
        files: &[
            "kas/raspberrypi4-64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/host-toolchain-warns.yml",
        ],
        // The warning ends nothing.
        script: "bitbake -n base-files && false",
        says: "for a product build without kas/host-toolchain.yml",
    },
    Mistake {
        name: "a source that Debian's archive has no more",
        files: &[
            "kas/qemuarm64.yml",
            "kas/host-toolchain.yml",
            "tests/yocto/kas/source-gone.yml",
        ],
        script: "bitbake -c fetch libxcrypt",
        says: "libxcrypt_0.0.orig.tar.xz can't be had from",
    },
];

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    MISTAKES
        .iter()
        .map(|mistake| {
            let build = Build {
                name: "wrong",
                files: mistake.files,
            };
            let task = Task::new(
                format!("yocto-wrong-{}", mistake.name.replace([' ', '\''], "-")),
                "making a mistake",
            );
            let mut output = yocto.shell(&build, &task, mistake.script)?;
            if !output.success && output.complaints().is_empty() {
                // Bitbake's client can end before it has read what its server says about the configuration.
                output = yocto.shell(&build, &task, mistake.script)?;
            }
            Ok(verdict(mistake, &output))
        })
        .collect()
}

fn verdict(mistake: &Mistake, output: &Output) -> Case {
    let told = output
        .complaints()
        .iter()
        .any(|complaint| complaint.contains(mistake.says));
    if !output.success && told {
        return Case::passed(mistake.name);
    }
    let end = if output.success {
        "succeeded"
    } else {
        "failed"
    };
    Case::failed(
        mistake.name,
        format!(
            "it {end}; an error with {:?} was expected in:\n{}",
            mistake.says,
            output.without_notes()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_the_sentence_and_the_failure() {
        let mistake = &MISTAKES[0];
        let verdict = |success, text: String| verdict(mistake, &Output { success, text });
        let told = format!(
            "ERROR: linux-mypoll do_configure: lacks\n    {}\n",
            mistake.says
        );
        assert!(!verdict(false, told.clone()).has_failed());
        assert!(verdict(true, told).has_failed());
        assert!(verdict(false, "ERROR: no such layer".to_owned()).has_failed());
        assert!(verdict(false, mistake.says.to_owned()).has_failed());
    }
}
