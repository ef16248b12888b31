# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's mkfs.ext4, made reproducible"
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://mkfs.ext4"

S = "${UNPACKDIR}"

inherit native

do_install() {
    install -D -m 0755 ${S}/mkfs.ext4 ${D}${base_sbindir}/mkfs.ext4
}
