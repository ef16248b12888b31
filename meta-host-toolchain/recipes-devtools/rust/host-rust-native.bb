# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's rustc and cargo, with an extensible sysroot"
DESCRIPTION = "Links to the toolchain of rustup or of the distribution, which is not modified."
HOMEPAGE = "https://www.rust-lang.org"
SECTION = "devel"
LICENSE = "MIT | Apache-2.0"
PROVIDES += "cargo-bin-native cargo-native rust-native"

PV = "${HOST_RUST_VERSION}"

# rustc's name of the build machine's target.
RUST_BUILD = "${BUILD_ARCH}-unknown-linux-gnu"

inherit native

do_install() {
    install -d ${D}${bindir} ${D}${libdir}/rustlib
    for program in rustc rustdoc; do
        if [ -x ${HOST_RUST_SYSROOT}/bin/$program ]; then
            cat > ${D}${bindir}/$program << EOF
#!/bin/sh
case " \$*" in
# The kernel's core is built without any.
*" --sysroot"*) ;;
*) set -- --sysroot "\$(dirname "\$(dirname "\$(readlink -f "\$0")")")" "\$@" ;;
esac
exec ${HOST_RUST_SYSROOT}/bin/$program "\$@"
EOF
            chmod 0755 ${D}${bindir}/$program
        fi
    done
    ln -s ${HOST_CARGO} ${D}${bindir}/cargo
    ln -s ${HOST_RUST_SYSROOT}/lib/rustlib/${RUST_BUILD} ${D}${libdir}/rustlib/${RUST_BUILD}
}
