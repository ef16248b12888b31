# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Selects among packages that provide the same command"
DESCRIPTION = "oe-core's is in opkg-utils, which is only in git; Debian's requires links through /etc/alternatives."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "virtual/update-alternatives-native"

SRC_URI = "file://update-alternatives"

S = "${UNPACKDIR}"

inherit native

do_install() {
    install -D -m 0755 ${S}/update-alternatives ${D}${bindir}/update-alternatives
}
