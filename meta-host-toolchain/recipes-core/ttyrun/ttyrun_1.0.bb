# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Starts a program on a terminal if it exists"
DESCRIPTION = "Used by init for each console. A script that replaces the program of s390-tools, which is only in git."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://ttyrun"

S = "${UNPACKDIR}"

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"

do_install() {
    install -D -m 0755 ${S}/ttyrun ${D}${sbindir}/ttyrun
}
