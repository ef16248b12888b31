# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's automake, with an option of oe-core's"
SECTION = "devel"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://aclocal"

S = "${UNPACKDIR}"

inherit native

do_install() {
    install -D -m 0755 ${S}/aclocal ${D}${bindir}/aclocal
}
