# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Device tree with mypoll's GPIO lines, or an overlay that adds them"
DESCRIPTION = "runqemu gives the tree to QEMU (QB_DTB). On arm64 it is QEMU's own for the machine's options, with an overlay. \
A Raspberry Pi's firmware applies the overlay, as config.txt tells it."
SECTION = "bsp"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = " \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
"

DEPENDS = "dtc-native"
DEPENDS:append:qemuarm64 = " qemu-system-native"

FILESEXTRAPATHS:prepend := "${THISDIR}/../../recipes-kernel/linux/files:"
SRC_URI = "file://dts"

S = "${UNPACKDIR}/dts"
B = "${WORKDIR}/build"

COMPATIBLE_MACHINE = "^(qemuarm64|qemux86-64|rpi)$"
PACKAGE_ARCH = "${MACHINE_ARCH}"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"

do_configure[noexec] = "1"
do_install[noexec] = "1"

# The path of the GPIO controller that the overlay refers to, because QEMU's tree has no symbols.
PL061 = "/pl061@9030000"

do_compile[cleandirs] = "${B}"
do_compile:qemuarm64() {
    # Without seeds, which would be the same at each boot, and differ in each build.
    ${QB_SYSTEM_NAME} ${QB_MACHINE} ${QB_CPU} ${QB_SMP} -nodefaults -display none -machine dtb-randomness=off \
        -machine dumpdtb=${B}/board.dtb
    fdtput -p -t s ${B}/board.dtb /__symbols__ pl061 ${PL061}
    dtc -@ -I dts -O dtb -o ${B}/mypoll.dtbo ${S}/mypoll-qemu-virt.dtso
    fdtoverlay -i ${B}/board.dtb -o ${B}/mypoll.dtb ${B}/mypoll.dtbo
}
do_compile:qemux86-64() {
    dtc -I dts -O dtb -o ${B}/mypoll.dtb ${S}/mypoll-qemu-x86.dts
}

# Suppresses warnings that take the parameters "gpio" and "label" for the standard properties.
do_compile:rpi() {
    dtc -@ -W no-unit_address_vs_reg -W no-gpios_property -W no-label_is_string -I dts -O dtb -o ${B}/mypoll.dtbo ${S}/mypoll.dtso
}

do_deploy() {
    install -D -m 0644 ${B}/mypoll.dtb ${DEPLOYDIR}/mypoll-${MACHINE}.dtb
}
do_deploy:rpi() {
    install -D -m 0644 ${B}/mypoll.dtbo ${DEPLOYDIR}/mypoll.dtbo
}
addtask deploy after do_compile before do_build
