# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Creates the links in /etc/rcN.d"
DESCRIPTION = "oe-core's is only in git, and Debian's supports neither another root directory nor run levels as arguments."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://update-rc.d"

S = "${UNPACKDIR}"

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"

do_install() {
    install -D -m 0755 ${S}/update-rc.d ${D}${sbindir}/update-rc.d
}

BBCLASSEXTEND = "native"
