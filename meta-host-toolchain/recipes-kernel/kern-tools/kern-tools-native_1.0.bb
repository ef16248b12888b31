# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "merge_config.sh, as used by busybox's recipe"
DESCRIPTION = "The complete kernel tools are only in git, and serve linux-yocto, which this profile does not build."
SECTION = "kernel"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "file://merge_config.sh"

S = "${UNPACKDIR}"

inherit native

do_install() {
    install -D -m 0755 ${S}/merge_config.sh ${D}${bindir}/merge_config.sh
}
