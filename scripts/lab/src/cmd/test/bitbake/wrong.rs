// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typical mistakes: bitbake has to fail with an error that names the remedy.

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
    /// Text that an error has to contain.
    error: &'static str,
}

const MISTAKES: [Mistake; 8] = [
    Mistake {
        name: "RUST dropped from the kernel's configuration",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/rust-dropped",
        script: "bitbake -c configure linux-mypoll",
        error: "MODVERSIONS is on: turn it off, or GENDWARFKSYMS on",
    },
    Mistake {
        name: "a workaround for an erratum turned off",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/erratum-off",
        script: "bitbake -c configure linux-mypoll",
        error: "workarounds that are on by default are off: add to a fragment",
    },
    Mistake {
        name: "an old bindgen",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/old-bindgen",
        script: "bitbake -c configure linux-mypoll",
        error: "The kernel can't use this Rust toolchain: Rust bindings generator",
    },
    Mistake {
        name: "meta-rust-bin missing",
        chain: "qemuarm64:tests/yocto/kas/no-rust-layer",
        script: "bitbake mypoll-image",
        error: "meta-rust-bin is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "meta-raspberrypi missing",
        chain: "qemuarm64:tests/yocto/kas/no-raspberrypi-layer",
        script: "bitbake mypoll-image",
        error: "meta-raspberrypi is not in BBLAYERS: add it with",
    },
    Mistake {
        name: "a wrong MACHINE for the host's toolchain",
        chain: "qemuarm64:vendor-kernel:host-toolchain:tests/yocto/kas/wrong-machine",
        script: "bitbake mypoll-image",
        error: "choose a MACHINE that is aarch64 or x86_64",
    },
    Mistake {
        name: "a card for a product with the host's toolchain",
        chain: "raspberrypi4-64:host-toolchain:tests/yocto/kas/host-toolchain-warns",
        // A warning does not stop bitbake.
        script: "bitbake -n base-files && false",
        error: "for a product build without kas/host-toolchain.yml",
    },
    Mistake {
        name: "a source that Debian's archive has no more",
        chain: "qemuarm64:host-toolchain:tests/yocto/kas/source-gone",
        script: "bitbake -c fetch libxcrypt",
        error: "libxcrypt_0.0.orig.tar.xz is not available from",
    },
];

pub(super) fn run(_: &Lab<'_>, yocto: &Yocto<'_>) -> Result<Vec<Case>> {
    MISTAKES
        .iter()
        .map(|mistake| {
            let build = build("wrong", mistake.chain);
            let log = format!("wrong-{}", mistake.name.replace([' ', '\''], "-"));
            let attempt = || yocto.shell(&build, &log, "making a mistake", mistake.script);
            let mut output = attempt()?;
            if !output.success && output.complaints().is_empty() {
                // Bitbake's client can exit before it has read the server's messages about the configuration.
                output = attempt()?;
            }
            Ok(verdict(mistake, &output))
        })
        .collect()
}

fn verdict(mistake: &Mistake, output: &Output) -> Case {
    let is_reported = output
        .complaints()
        .iter()
        .any(|complaint| complaint.contains(mistake.error));
    if !output.success && is_reported {
        return Case::passed(mistake.name);
    }
    let outcome = if output.success {
        "succeeded"
    } else {
        "failed"
    };
    Case::failed(
        mistake.name,
        format!(
            "it {outcome}; expected an error with {:?} in:\n{}",
            mistake.error,
            output.without_notes()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_failure_and_the_error_are_required() {
        let mistake = &MISTAKES[0];
        let verdict = |success, text: String| verdict(mistake, &Output { success, text });
        let reported = format!(
            "ERROR: linux-mypoll do_configure: lacks\n    {}\n",
            mistake.error
        );
        assert!(!verdict(false, reported.clone()).has_failed());
        assert!(verdict(true, reported).has_failed());
        assert!(verdict(false, "ERROR: no such layer".to_owned()).has_failed());
        assert!(verdict(false, mistake.error.to_owned()).has_failed());
    }
}
