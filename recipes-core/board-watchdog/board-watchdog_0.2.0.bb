# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Feeds the board's watchdog"
DESCRIPTION = "The watchdog restarts a board that hangs. systemd feeds it by itself if configured; with SysV init, busybox does. \
Has no effect on a board without a watchdog."
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://board-watchdog.conf \
    file://board-watchdog.init \
"

S = "${UNPACKDIR}"

inherit allarch update-rc.d

# Seconds. A Raspberry Pi's watchdog supports at most 15.
BOARD_WATCHDOG_TIMEOUT ?= "15"

INITSCRIPT_NAME = "board-watchdog"
# Not stopped at shutdown: it disarms the watchdog at SIGTERM, after everything else has ended.
INITSCRIPT_PARAMS = "start 10 2 3 4 5 ."

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0644 ${UNPACKDIR}/board-watchdog.conf ${D}${nonarch_libdir}/systemd/system.conf.d/board-watchdog.conf
    install -D -m 0755 ${UNPACKDIR}/board-watchdog.init ${D}${sysconfdir}/init.d/board-watchdog
    sed -i 's,@TIMEOUT@,${BOARD_WATCHDOG_TIMEOUT},g; s,@BASE_SBINDIR@,${base_sbindir},g' \
        ${D}${nonarch_libdir}/systemd/system.conf.d/board-watchdog.conf ${D}${sysconfdir}/init.d/board-watchdog
}

FILES:${PN} += "${nonarch_libdir}/systemd/system.conf.d"
