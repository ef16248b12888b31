# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's libclang, with which bindgen reads C"
HOMEPAGE = "https://clang.llvm.org"
SECTION = "devel"
LICENSE = "Apache-2.0-with-LLVM-exception"

inherit native

do_install() {
    install -d ${D}${libdir}
    ln -s ${HOST_LIBCLANG}/libclang.so ${D}${libdir}/libclang.so
    # libclang looks for clang's own headers beside itself.
    ln -s ${HOST_LIBCLANG}/clang ${D}${libdir}/clang
}
