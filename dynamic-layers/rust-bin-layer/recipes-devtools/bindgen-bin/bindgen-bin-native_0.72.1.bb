# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "bindgen, built with the prebuilt Rust"
DESCRIPTION = "oe-core's bindgen-cli needs oe-core's rust-native, which takes hours. This one takes two minutes."
HOMEPAGE = "https://rust-lang.github.io/rust-bindgen/"
SECTION = "devel"
LICENSE = "BSD-3-Clause"
LIC_FILES_CHKSUM = "file://LICENSE;md5=0b9a98cb3dcdefcceb145324693fda9b"

BPN = "bindgen-cli"
SRC_URI = " \
    crate://crates.io/bindgen-cli/${PV} \
    crate://crates.io/bindgen/${PV} \
"
SRC_URI[bindgen-0.72.1.sha256sum] = "993776b509cfb49c750f11b8f07a46fa23e0a1386ffc01fb1e7d343efc387895"
SRC_URI[bindgen-cli-0.72.1.sha256sum] = "8a408c0fcb20bf7bd4ceaf4bf990e223e3543a04b84d2394f3edeee29a0e87e2"
# Additional crates in Cargo.lock.
require recipes-devtools/bindgen-cli/bindgen-cli-crates.inc

inherit cargo_bin
inherit_defer native

EXTRA_CARGO_FLAGS = "--frozen"

do_configure:append() {
    cat > ${CARGO_HOME}/config.toml <<END
[source.crates-io]
replace-with = "bitbake"

[source.bitbake]
directory = "${UNPACKDIR}/cargo_home/bitbake"
END
}
