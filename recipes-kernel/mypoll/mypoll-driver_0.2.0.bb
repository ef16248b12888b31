# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Driver that delivers events from GPIO lines, a timer and software to programs"
DESCRIPTION = "Kernel module in Rust behind /dev/mypoll: blocking reads, poll, epoll, SIGIO, private queues and a mapped ring"
SECTION = "kernel"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/GPL-2.0-only;md5=801f80980d171dd6425610833a22dbe6"

FILESEXTRAPATHS:prepend := "${THISDIR}:"
SRC_URI = " \
    file://mypoll \
    file://files/mypoll.conf \
    file://files/mypoll.rules \
"

S = "${UNPACKDIR}/mypoll"
# The default is the newest file's time, which is that of the clone: builds would not be reproducible.
SOURCE_DATE_EPOCH = "${SOURCE_DATE_EPOCH_FALLBACK}"

inherit features_check mypoll-kernel-rust-toolchain module-rust useradd
REQUIRED_DISTRO_FEATURES = "mypoll"

KERNEL_MODULE_AUTOLOAD += "mypoll"

# The group of the device node.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system mypoll"

do_install:append() {
    install -D -m 0644 ${UNPACKDIR}/files/mypoll.conf ${D}${sysconfdir}/modprobe.d/mypoll.conf
    install -D -m 0644 ${UNPACKDIR}/files/mypoll.rules ${D}${nonarch_base_libdir}/udev/rules.d/70-mypoll.rules
    install -D -m 0644 ${S}/uapi/mypoll.h ${D}${includedir}/mypoll.h
}

# A separate package, so that a product can replace the module parameters.
PACKAGES =+ "${PN}-conf"
FILES:${PN} += "${nonarch_base_libdir}/udev/rules.d"
FILES:${PN}-conf = "${sysconfdir}/modprobe.d/mypoll.conf"
CONFFILES:${PN}-conf = "${sysconfdir}/modprobe.d/mypoll.conf"
# Only the header: programs need nothing else of the driver, and an SDK installs it for an image with the driver.
RDEPENDS:${PN}-dev = ""
RRECOMMENDS:${PN} += "${PN}-conf"
RPROVIDES:${PN}-dev += "mypoll-dev"
