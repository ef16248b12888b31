# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Rust's standard library for ${TARGET_ARCH}, in the sysroot of the host's rustc"
DESCRIPTION = "The toolchain's own if it has one; otherwise built from source, which takes a minute or two."
HOMEPAGE = "https://www.rust-lang.org"
SECTION = "devel"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = " \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"
DEPENDS = "host-rust-native rust-src-bin-native"
PROVIDES = "cargo-bin-cross-${TARGET_ARCH} rust-bin-cross-${TARGET_ARCH}"

PN = "host-rust-std-cross-${TARGET_ARCH}"
PV = "${HOST_RUST_VERSION}"
S = "${UNPACKDIR}"
B = "${WORKDIR}/build"

# The library's dependencies.
CARGO_LOCK_FILE = "${HOST_RUST_LIBRARY}/Cargo.lock"
inherit_defer ${@'' if d.getVar('HOST_RUST_TARGET_LIBRARY') else 'mypoll-cargo-lock-crates'}
inherit cross

INHIBIT_DEFAULT_DEPS = "1"

RUST_TARGET = "${TARGET_ARCH}-unknown-linux-gnu"
# In rustc's sysroot, which differs from cross's library directory.
RUSTLIB = "${STAGING_DIR_NATIVE}${libdir_native}/rustlib/${RUST_TARGET}"

export CARGO_HOME = "${WORKDIR}/cargo_home"
# For build scripts: there is no cc.
CARGO_BUILD_LINKER = "CARGO_TARGET_${@d.getVar('BUILD_ARCH').upper()}_UNKNOWN_LINUX_GNU_LINKER"

do_compile() {
    [ -z "${HOST_RUST_TARGET_LIBRARY}" ] || return 0
    install -d ${CARGO_HOME} ${B}/src
    cargo_lock_crates_configure
    cat > ${B}/Cargo.toml << EOF
[package]
name = "empty"
version = "0.0.0"
EOF
    : > ${B}/src/lib.rs
    # Cargo builds the library on the nightly channel only, or where it is told that it is bootstrapping.
    export ${CARGO_BUILD_LINKER}=gcc
    RUSTC_BOOTSTRAP=1 cargo build --release --offline --target ${RUST_TARGET} \
        -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test
}

do_install() {
    # The native sysroot has it.
    [ "${TARGET_ARCH}" != "${BUILD_ARCH}" ] || return 0
    install -d $(dirname ${D}${RUSTLIB})
    if [ -n "${HOST_RUST_TARGET_LIBRARY}" ]; then
        ln -s ${HOST_RUST_TARGET_LIBRARY} ${D}${RUSTLIB}
    else
        install -d ${D}${RUSTLIB}/lib
        install -m 0644 ${B}/target/${RUST_TARGET}/release/deps/*.rlib ${D}${RUSTLIB}/lib/
        rm ${D}${RUSTLIB}/lib/libempty-*.rlib
    fi
}

SYSROOT_DIRS_NATIVE += "${STAGING_DIR_NATIVE}${libdir_native}/rustlib"
