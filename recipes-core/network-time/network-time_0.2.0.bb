# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Network time, and a clock that never goes backwards without it"
DESCRIPTION = "busybox's ntpd, and the time of the last shutdown, or after a power cut a time at most 11 minutes older, for boards \
without a battery-backed clock. For SysV init: systemd has timesyncd for both."
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://network-time.init \
    file://ntp.conf \
    file://save-time \
    file://timestamp \
"

S = "${UNPACKDIR}"

inherit allarch features_check update-rc.d

# busybox provides ntpd with both.
REQUIRED_DISTRO_FEATURES = "mypoll sysvinit"

# After the network and the log.
INITSCRIPT_NAME = "network-time"
INITSCRIPT_PARAMS = "defaults 60 40"

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/save-time ${D}${libexecdir}/save-time
    install -D -m 0755 ${UNPACKDIR}/network-time.init ${D}${sysconfdir}/init.d/network-time
    install -D -m 0644 ${UNPACKDIR}/timestamp ${D}${sysconfdir}/default/timestamp
    install -D -m 0644 ${UNPACKDIR}/ntp.conf ${D}${sysconfdir}/ntp.conf
    sed -i 's,@LIBEXECDIR@,${libexecdir},g; s,@SBINDIR@,${sbindir},g' ${D}${sysconfdir}/init.d/network-time
}

CONFFILES:${PN} = "${sysconfdir}/ntp.conf"
