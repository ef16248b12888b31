# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Published source of Rust's library"
DESCRIPTION = "The rust-src component. The kernel compiles core from it, with exactly the same version of rustc."
HOMEPAGE = "https://www.rust-lang.org"
SECTION = "devel"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "file://COPYRIGHT;md5=11a3899825f4376896e438c8c753f8dc"

SRC_URI = "${RUST_BASE_URI}/dist/rust-src-${PV}.tar.xz"
SRC_URI[sha256sum] = "67b09138c8db96afc4bbfc69ea771ac9a091fd777698acb43f6dfd9fb7dea363"

S = "${UNPACKDIR}/rust-src-${PV}"

inherit rust_bin-common
inherit_defer native

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${libdir}/rustlib/src/rust
    cp -R --no-preserve=ownership ${S}/rust-src/lib/rustlib/src/rust/library ${D}${libdir}/rustlib/src/rust/
    install -m 0644 ${S}/version ${D}${libdir}/rustlib/src/rust/
}
