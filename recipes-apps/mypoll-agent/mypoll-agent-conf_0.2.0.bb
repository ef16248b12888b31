# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Configuration of mypoll-agent"
DESCRIPTION = "A separate recipe that a product can replace: with a mypoll-agent.toml in a bbappend, or with another \
recipe that provides virtual-mypoll-agent-conf at run time"
SECTION = "net"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "file://mypoll-agent.toml"

S = "${UNPACKDIR}"

# Chips and lines depend on the board.
PACKAGE_ARCH = "${MACHINE_ARCH}"

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0644 ${UNPACKDIR}/mypoll-agent.toml ${D}${sysconfdir}/mypoll-agent.toml
}

RPROVIDES:${PN} += "virtual-mypoll-agent-conf"
CONFFILES:${PN} = "${sysconfdir}/mypoll-agent.toml"
