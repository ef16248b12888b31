# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Linux LTS with Rust, in the configuration tested with mypoll"
DESCRIPTION = "Mainline 6.18 from kernel.org's tarball. Only the options in the fragments are on."
HOMEPAGE = "https://www.kernel.org"
SECTION = "kernel"
LICENSE = "GPL-2.0-only"
LIC_FILES_CHKSUM = "file://COPYING;md5=6bc538ed5bd9a7fc9398086aedcd7e46"

# Reported CVEs that do not apply to mainline (VEX): a file of openembedded-core.
# nooelint: oelint.file.includenotfound,oelint.file.requireinclude
include recipes-kernel/linux/cve-exclusion.inc

# The available versions; scripts/lab/sources.toml has the tested one. Not LINUX_VERSION: other kernels read that too.
LINUX_MYPOLL_VERSION ??= "6.18.30"
LINUX_MYPOLL_SHA256[6.18.12] = "e003294ad4c2c2ac5bb77fbb8259511134f51d987b3212516832dc4b0c83f1ea"
LINUX_MYPOLL_SHA256[6.18.15] = "7c716216c3c4134ed0de69195701e677577bbcdd3979f331c182acd06bf2f170"
LINUX_MYPOLL_SHA256[6.18.21] = "1c38214fb137bae85b82b82537b5987358621b915ab2a8e4f09e60697c19474f"
LINUX_MYPOLL_SHA256[6.18.30] = "a8b3886ec3af573f7420b23d27390d4f2b0aac62e8da041662523ce2e7dfb3d4"

DEPENDS:append:rpi = " dtc-native"

PV = "${LINUX_MYPOLL_VERSION}"

KERNEL_FRAGMENTS = "base rust gpio image hardening"
KERNEL_FRAGMENTS:append:aarch64 = " hardening-arm64 errata"
KERNEL_FRAGMENTS:append:x86-64 = " hardening-x86"
KERNEL_FRAGMENTS:append = " ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'systemd', '', d)}"
KERNEL_FRAGMENTS:append:qemuarm64 = " qemu-virt test"
KERNEL_FRAGMENTS:append:qemux86-64 = " qemu-x86 test"
# Also for the Raspberry Pi: its Image boots in QEMU's virt board, too.
KERNEL_FRAGMENTS:append:rpi = " qemu-virt raspberrypi"

SRC_URI = " \
    ${KERNELORG_MIRROR}/linux/kernel/v6.x/linux-${LINUX_MYPOLL_VERSION}.tar.xz \
    file://patches/0001-rust-irq-bound-the-callbacks-handlers-by-static.patch \
    file://patches/0002-x86-rust-allow-the-custom-target-with-rustc-1.95.patch \
    ${@' '.join(f'file://fragments/{name}.cfg' for name in d.getVar('KERNEL_FRAGMENTS').split())} \
"
SRC_URI[sha256sum] = "${@d.getVarFlag('LINUX_MYPOLL_SHA256', d.getVar('LINUX_MYPOLL_VERSION')) or ''}"

COMPATIBLE_MACHINE = "^(${@(d.getVar('LINUX_MYPOLL_MACHINES') or '').replace(' ', '|')})$"
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

inherit kernel mypoll-kernel-rust-toolchain mypoll-kernel-config-check mypoll-kernel-errata-check

# After the class, which would override it.
S = "${UNPACKDIR}/linux-${LINUX_MYPOLL_VERSION}"

# A later fragment's options replace an earlier one's.
KERNEL_CONFIG_COMMAND = "linux_mypoll_configure"

linux_mypoll_configure() {
    (cd ${UNPACKDIR}/fragments && cat ${@' '.join(f'{name}.cfg' for name in d.getVar('KERNEL_FRAGMENTS').split())}) > ${B}/fragments.config
    KCONFIG_ALLCONFIG=${B}/fragments.config oe_runmake_call -C ${S} O=${B} allnoconfig
}

# Overlays for a Raspberry Pi refer to the header's controller as gpio, as in the vendor's device trees. Mainline's tree of the Pi 5 lacks that label.
# nooelint: oelint.func.specific - COMPATIBLE_MACHINE is computed
do_compile:append:rpi() {
    for dtb in ${KERNEL_DEVICETREE}; do
        dtb=${B}/arch/${ARCH}/boot/dts/$dtb
        gpio=$(fdtget --default "" $dtb /__symbols__ rp1_gpio)
        [ -z "$gpio" ] || fdtput --type s $dtb /__symbols__ gpio $gpio
    done
}

python () {
    version = d.getVar('LINUX_MYPOLL_VERSION')
    known = sorted(d.getVarFlags('LINUX_MYPOLL_SHA256') or {})
    if version not in known:
        raise bb.parse.SkipRecipe(f"LINUX_MYPOLL_VERSION = \"{version}\" has no checksum in {d.getVar('FILE')}: "
                                  f"choose one of {', '.join(known)}, or set LINUX_MYPOLL_SHA256[{version}]")
    # The stable series includes both patches.
    if bb.utils.vercmp_string(version, '6.18.16') >= 0:
        uris = d.getVar('SRC_URI').split()
        d.setVar('SRC_URI', ' '.join(uri for uri in uris if not uri.startswith('file://patches/')))
}
