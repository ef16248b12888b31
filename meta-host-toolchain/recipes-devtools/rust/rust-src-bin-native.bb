# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Source of Rust's library, from which the kernel builds core"
HOMEPAGE = "https://www.rust-lang.org"
SECTION = "devel"
LICENSE = "MIT | Apache-2.0"

PV = "${HOST_RUST_VERSION}"

inherit native

do_install() {
    install -d ${D}${libdir}/rustlib/src/rust
    ln -s ${HOST_RUST_LIBRARY} ${D}${libdir}/rustlib/src/rust/library
}
