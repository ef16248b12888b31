# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Prebuilt libclang, as published for Python"
DESCRIPTION = "bindgen parses C with it. Without clang's own headers, which the kernel does not use."
LICENSE = "Apache-2.0-with-LLVM-exception"
LIC_FILES_CHKSUM = "file://libclang-${PV}.dist-info/LICENSE.TXT;md5=ff42885ed2ab98f1ecb8c1fc41205343"

PYPI_PACKAGE = "libclang"
# One for each architecture of the build machine.
WHEELS[aarch64] = "3c/3d/f0ac1150280d8d20d059608cf2d5ff61b7c3b7f7bcf9c0f425ab92df769a/libclang-${PV}-py2.py3-none-manylinux2014_aarch64.whl"
WHEELS[x86_64] = "1d/fc/716c1e62e512ef1c160e7984a73a5fc7df45166f2ff3f254e71c58076f7c/libclang-${PV}-py2.py3-none-manylinux2010_x86_64.whl"
WHEEL = "${@d.getVarFlag('WHEELS', d.getVar('BUILD_ARCH')) or ''}"
PYPI_PATH = "${WHEEL};name=${BUILD_ARCH}"
SRC_URI[aarch64.sha256sum] = "54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592"
SRC_URI[x86_64.sha256sum] = "c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b"

inherit mypoll-pypi-path
inherit_defer native

INHIBIT_SYSROOT_STRIP = "1"

COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

python do_unpack:append() {
    import zipfile

    wheel = os.path.basename(d.getVar('WHEEL'))
    with zipfile.ZipFile(os.path.join(d.getVar('UNPACKDIR'), wheel)) as archive:
        archive.extractall(d.getVar('S'))
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D ${S}/libclang-${PV}.data/platlib/clang/native/libclang.so ${D}${libdir}/libclang.so
}
