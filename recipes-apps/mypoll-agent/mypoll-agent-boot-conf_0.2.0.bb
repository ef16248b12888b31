# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Applies mypoll-agent.toml from the boot partition"
DESCRIPTION = "The boot partition is what any PC shows of a card. A file mypoll-agent.toml there overrides the image's own, if \
mypoll-agent accepts it; otherwise a text file beside it has the error."
SECTION = "net"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://mypoll-agent-boot-conf.init \
    file://mypoll-agent-boot-conf.service \
    file://take-boot-configuration \
"

S = "${UNPACKDIR}"

inherit allarch systemd update-rc.d

SYSTEMD_SERVICE:${PN} = "mypoll-agent-boot-conf.service"

# After the log, before the agent (70).
INITSCRIPT_NAME = "mypoll-agent-boot-conf"
INITSCRIPT_PARAMS = "start 65 2 3 4 5 ."

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/take-boot-configuration ${D}${libexecdir}/take-boot-configuration
    install -D -m 0644 ${UNPACKDIR}/mypoll-agent-boot-conf.service ${D}${systemd_system_unitdir}/mypoll-agent-boot-conf.service
    install -D -m 0755 ${UNPACKDIR}/mypoll-agent-boot-conf.init ${D}${sysconfdir}/init.d/mypoll-agent-boot-conf
    sed -i 's,@LIBEXECDIR@,${libexecdir},g' ${D}${systemd_system_unitdir}/mypoll-agent-boot-conf.service ${D}${sysconfdir}/init.d/mypoll-agent-boot-conf
}

# It mounts the file over that one; needs cmp and mountpoint.
RDEPENDS:${PN} = "${VIRTUAL-RUNTIME_base-utils} virtual-mypoll-agent-conf"
