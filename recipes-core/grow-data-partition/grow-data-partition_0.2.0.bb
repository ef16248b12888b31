# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Grows the data partition to the size of the disk"
DESCRIPTION = "An image is smaller than the card it is written to. At the first boot the last partition, mounted at /data, and its \
file system grow to the end of the disk."
SECTION = "base"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

SRC_URI = "\
    file://grow-data-partition \
    file://grow-data-partition.init \
    file://grow-data-partition.service \
    file://grow-ext4.c \
"

S = "${UNPACKDIR}"
B = "${WORKDIR}/build"

inherit systemd update-rc.d

SYSTEMD_SERVICE:${PN} = "grow-data-partition.service"

# After data-partition.
INITSCRIPT_NAME = "grow-data-partition"
INITSCRIPT_PARAMS = "start 11 S ."

do_configure[noexec] = "1"

do_compile() {
    ${CC} ${CFLAGS} ${LDFLAGS} -Wall -o grow-ext4 ${S}/grow-ext4.c
}

do_install() {
    install -D -m 0755 grow-ext4 ${D}${sbindir}/grow-ext4
    install -D -m 0755 ${UNPACKDIR}/grow-data-partition ${D}${libexecdir}/grow-data-partition
    install -D -m 0644 ${UNPACKDIR}/grow-data-partition.service ${D}${systemd_system_unitdir}/grow-data-partition.service
    install -D -m 0755 ${UNPACKDIR}/grow-data-partition.init ${D}${sysconfdir}/init.d/grow-data-partition
    sed -i 's,@LIBEXECDIR@,${libexecdir},g' ${D}${systemd_system_unitdir}/grow-data-partition.service ${D}${sysconfdir}/init.d/grow-data-partition
}

RDEPENDS:${PN} = "data-partition util-linux-partx util-linux-sfdisk"
