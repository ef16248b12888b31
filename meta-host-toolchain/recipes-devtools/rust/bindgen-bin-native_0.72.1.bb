# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "bindgen, which writes the kernel's Rust declarations of C"
DESCRIPTION = "The host's own where that is new enough; else it is built from its crates."
HOMEPAGE = "https://rust-lang.github.io/rust-bindgen/"
SECTION = "devel"
LICENSE = "BSD-3-Clause"
LIC_FILES_CHKSUM = "file://LICENSE;md5=0b9a98cb3dcdefcceb145324693fda9b"
PROVIDES += "bindgen-cli-native"

DEPENDS = "host-rust-native libclang-bin-native"

SRC_URI = "crate://crates.io/bindgen-cli/${PV};name=cli crate://crates.io/bindgen/${PV};name=library"
SRC_URI[cli.sha256sum] = "8a408c0fcb20bf7bd4ceaf4bf990e223e3543a04b84d2394f3edeee29a0e87e2"
SRC_URI[library.sha256sum] = "993776b509cfb49c750f11b8f07a46fa23e0a1386ffc01fb1e7d343efc387895"
# The other crates: oe-core has their checksums for its recipe of the same version.
require recipes-devtools/bindgen-cli/bindgen-cli-crates.inc

S = "${UNPACKDIR}/cargo_home/bitbake/bindgen-cli-${PV}"

inherit native

do_compile() {
    [ -z "${HOST_BINDGEN}" ] || return 0
    export CARGO_HOME=${B}/cargo_home
    export RUSTFLAGS="-C linker=gcc"
    install -d $CARGO_HOME
    cat > $CARGO_HOME/config.toml << EOF
[source.crates-io]
replace-with = "bitbake"

[source.bitbake]
directory = "${UNPACKDIR}/cargo_home/bitbake"
EOF
    cargo build --release --frozen --manifest-path ${S}/Cargo.toml --target-dir ${B}/target
}

do_install() {
    install -d ${D}${bindir}
    if [ -n "${HOST_BINDGEN}" ]; then
        ln -s ${HOST_BINDGEN} ${D}${bindir}/bindgen
    else
        install -m 0755 ${B}/target/release/bindgen ${D}${bindir}/bindgen
    fi
}

B = "${WORKDIR}/build"

python () {
    if d.getVar("HOST_BINDGEN"):
        d.setVar("SRC_URI", "")
}
