# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Mounts the writable partition of a disk whose root is read-only"
DESCRIPTION = "Mounts the ext4 partition with the label mypoll-data at /data, and /var/lib from it"
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://after-data-partition.conf \
    file://data-partition.init \
    file://data-partition.service \
    file://mdev \
    file://mount-data-partition \
"

S = "${UNPACKDIR}"

inherit allarch systemd update-rc.d

SYSTEMD_SERVICE:${PN} = "data-partition.service"

# After the devices (mdev and udev: 04), before oe-core's volatile /var/lib (29).
INITSCRIPT_NAME = "data-partition"
INITSCRIPT_PARAMS = "start 10 S ."

INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/mount-data-partition ${D}${libexecdir}/mount-data-partition
    install -D -m 0644 ${UNPACKDIR}/data-partition.service ${D}${systemd_system_unitdir}/data-partition.service
    install -D -m 0644 ${UNPACKDIR}/after-data-partition.conf ${D}${systemd_system_unitdir}/systemd-backlight@.service.d/data-partition.conf
    install -D -m 0755 ${UNPACKDIR}/data-partition.init ${D}${sysconfdir}/init.d/data-partition
    sed -i 's,@LIBEXECDIR@,${libexecdir},g' ${D}${systemd_system_unitdir}/data-partition.service ${D}${sysconfdir}/init.d/data-partition
    install -D -m 0644 ${UNPACKDIR}/mdev ${D}${sysconfdir}/default/mdev
    install -d ${D}/data
}

FILES:${PN} += "/data ${systemd_system_unitdir}/*.service.d"

# blkid and mountpoint.
RDEPENDS:${PN} += "${VIRTUAL-RUNTIME_base-utils}"
RRECOMMENDS:${PN} += "e2fsprogs-e2fsck"
