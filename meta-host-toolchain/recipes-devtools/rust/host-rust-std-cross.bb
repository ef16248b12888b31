# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Rust's standard library for ${TARGET_ARCH}, in the sysroot of the host's rustc"
DESCRIPTION = "The toolchain's own if it has one; else it is built from its source, which takes a minute or two."
HOMEPAGE = "https://www.rust-lang.org"
SECTION = "devel"
LICENSE = "MIT | Apache-2.0"
PROVIDES = " \
    host-rust-std-cross-${TARGET_ARCH} \
    cargo-bin-cross-${TARGET_ARCH} \
    rust-bin-cross-${TARGET_ARCH} \
"

DEPENDS = "host-rust-native rust-src-bin-native"

PN = "host-rust-std-cross-${TARGET_ARCH}"
PV = "${HOST_RUST_VERSION}"

inherit cross

INHIBIT_DEFAULT_DEPS = "1"

# rustc looks for it in one place of its sysroot, which is not the one that cross has for libraries.
RUST_TARGET = "${TARGET_ARCH}-unknown-linux-gnu"
RUSTLIB = "${STAGING_DIR_NATIVE}${libdir_native}/rustlib"

do_install() {
    [ "${TARGET_ARCH}" != "${BUILD_ARCH}" ] || return 0
    install -d ${D}${RUSTLIB}
    ln -s ${HOST_RUST_SYSROOT}/lib/rustlib/${RUST_TARGET} ${D}${RUSTLIB}/${RUST_TARGET}
}

sysroot_stage_all:append() {
    sysroot_stage_dir ${D}${STAGING_DIR_NATIVE} ${SYSROOT_DESTDIR}${STAGING_DIR_NATIVE}
}
