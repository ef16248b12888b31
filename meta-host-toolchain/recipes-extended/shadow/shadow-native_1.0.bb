# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's useradd and related tools, for an image's root file system"
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://with-prefix"

S = "${UNPACKDIR}"

inherit native

do_install() {
    for program in groupadd groupdel groupmod useradd userdel usermod; do
        install -D -m 0755 ${S}/with-prefix ${D}${sbindir}/$program
    done
}
