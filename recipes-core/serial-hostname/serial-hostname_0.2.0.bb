# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Names the machine after its board's serial number"
DESCRIPTION = "mypoll-1a2b3c4d: the last eight digits of the serial number that the firmware adds to the device tree. Boards \
without one keep the image's name."
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://serial-hostname \
    file://serial-hostname.init \
    file://serial-hostname.service \
"

S = "${UNPACKDIR}"

inherit allarch systemd update-rc.d

# The prefix.
SERIAL_HOSTNAME_PREFIX ?= "mypoll"

SYSTEMD_SERVICE:${PN} = "serial-hostname.service"

# After oe-core's hostname.sh (39).
INITSCRIPT_NAME = "serial-hostname"
INITSCRIPT_PARAMS = "start 40 S ."

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/serial-hostname ${D}${libexecdir}/serial-hostname
    install -D -m 0644 ${UNPACKDIR}/serial-hostname.service ${D}${systemd_system_unitdir}/serial-hostname.service
    install -D -m 0755 ${UNPACKDIR}/serial-hostname.init ${D}${sysconfdir}/init.d/serial-hostname
    sed -i 's,@LIBEXECDIR@,${libexecdir},g; s,@PREFIX@,${SERIAL_HOSTNAME_PREFIX},g' \
        ${D}${systemd_system_unitdir}/serial-hostname.service ${D}${sysconfdir}/init.d/serial-hostname
}
