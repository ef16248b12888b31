# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "QEMU's Python modules, with which testimage controls QEMU"
DESCRIPTION = "The package qemu.qmp of the Python registry, because Debian's QEMU lacks these modules"
HOMEPAGE = "https://gitlab.com/qemu-project/python-qemu-qmp"
SECTION = "devel"
LICENSE = "LGPL-2.0-or-later & GPL-2.0-only"
LIC_FILES_CHKSUM = "\
    file://LICENSE;md5=4cf66a4984120007c9881cc871cf49db \
    file://LICENSE_GPL2;md5=441c28d2cf86e15a37fa47e15a72fbac \
"

PYPI_PACKAGE = "qemu.qmp"
PYPI_PATH = "ea/20/f3fa6bfbcd570a09d5ec65a5398be9251d2bf07398874d2a2c97a05cbdeb/qemu_qmp-${PV}.tar.gz"
SRC_URI[sha256sum] = "a3c25d871fab549122b2340810de1f99481002c942a2132476b062aacdbf6e92"

inherit mypoll-pypi-path native

S = "${UNPACKDIR}/qemu_qmp-${PV}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Their location in oe-core's qemu-native.
do_install() {
    install -d ${D}${libdir}/qemu-python
    cp -R --no-preserve=ownership ${S}/qemu/qmp ${D}${libdir}/qemu-python/
}
