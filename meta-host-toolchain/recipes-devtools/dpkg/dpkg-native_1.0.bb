# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's dpkg and apt, adapted to oe-core's root file systems"
SECTION = "devel"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"
PROVIDES += "apt-native"

SRC_URI = "file://dpkg file://apt.conf.sample"

S = "${UNPACKDIR}"

inherit native

do_install() {
    install -D -m 0755 ${S}/dpkg ${D}${bindir}/dpkg
    install -D -m 0644 ${S}/apt.conf.sample ${D}${sysconfdir}/apt/apt.conf.sample
    sed -i 's,@BINDIR@,${bindir},' ${D}${sysconfdir}/apt/apt.conf.sample
}
