// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes that people make: bitbake has to fail, with a sentence that says what to do.

use anyhow::Result;

use super::super::Lab;
use super::super::case::Case;
use crate::yocto::Yocto;
use crate::yocto::builds::build;
use crate::yocto::output::Output;

struct Mistake {
    name: &'static str,
    chain: &'static str,
    script: &'static str,
    /// What has to be among the errors.
    says: &'static str,
}

const MISTAKES: [Mistake; 10] = [
    Mistake {
        name: "RUST dropped from the kernel's configuration",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/rust-dropped",
        script: "bitbake -c configure linux-mypoll",
        says: "MODVERSIONS is on: turn it off, or GENDWARFKSYMS on",
    },
    Mistake {
        name: "a workaround for an erratum turned off",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/erratum-off",
        script: "bitbake -c configure linux-mypoll",
        says: "workarounds that are on by default are off: add to a fragment",
    },
    Mistake {
        name: "an old bindgen",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/old-bindgen",
        script: "bitbake -c configure linux-mypoll",
        says: "The kernel can't use this Rust toolchain: Rust bindings generator",
    },
    Mistake {
        name: "meta-rust-bin missing",
        chain: "qemuarm64:tests/yocto/kas/no-rust-layer",
        script: "bitbake mypoll-image",
        says: "meta-rust-bin is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "meta-raspberrypi missing",
        chain: "qemuarm64:tests/yocto/kas/no-raspberrypi-layer",
        script: "bitbake mypoll-image",
        says: "meta-raspberrypi is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "a wrong MACHINE",
        chain: "qemuarm64:tests/yocto/kas/wrong-machine",
        script: "bitbake mypoll-image",
        says: "linux-mypoll has no configuration for MACHINE \"qemuarm\": choose one of",
    },
    Mistake {
        name: "a board that linux-mypoll does not know",
        chain: "raspberrypi5:tests/yocto/kas/unknown-board",
        script: "bitbake mypoll-image",
        says: "linux-mypoll has no configuration for MACHINE \"raspberrypi-cm5-io-board\": choose one of",
    },
    Mistake {
        name: "a wrong MACHINE for the host's toolchain",
        chain: "qemuarm64:vendor-kernel:host-toolchain:tests/yocto/kas/wrong-machine",
        script: "bitbake mypoll-image",
        says: "choose a MACHINE that is aarch64 or x86_64",
    },
    Mistake {
        name: "a card for a product with the host's toolchain",
        chain: "raspberrypi4-64:host-toolchain:tests/yocto/kas/host-toolchain-warns",
        // The warning ends nothing.
        script: "bitbake -n base-files && false",
        says: "for a product build without kas/host-toolchain.yml",
    },
    Mistake {
        name: "a source that Debian's archive has no more",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/source-gone",
        script: "bitbake -c fetch libxcrypt",
        says: "libxcrypt_0.0.orig.tar.xz can't be had from",
    },
];

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    MISTAKES
        .iter()
        .map(|mistake| {
            let build = build("wrong", mistake.chain);
            let log = format!("wrong-{}", mistake.name.replace([' ', '\''], "-"));
            let try_it = || yocto.shell(&build, &log, "making a mistake", mistake.script);
            let mut output = try_it()?;
            if !output.success && output.complaints().is_empty() {
                // Bitbake's client can end before it has read what its server says about the configuration.
                output = try_it()?;
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
