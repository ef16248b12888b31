# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "sfdisk and partx, to grow the data partition"
DESCRIPTION = "oe-core's recipe builds all of util-linux with its dependencies. This is the release in Debian 13, from Debian's \
source archive, with only the required programs, linked with their own libraries."
HOMEPAGE = "https://en.wikipedia.org/wiki/Util-linux"
SECTION = "base"
LICENSE = "GPL-2.0-or-later & LGPL-2.1-or-later & BSD-3-Clause"
LIC_FILES_CHKSUM = " \
    file://COPYING;md5=b234ee4d69f5fce4486a80fdaf4a4263 \
    file://Documentation/licenses/COPYING.BSD-3-Clause;md5=58dcd8452651fc8b07d1f65ce07ca8af \
    file://Documentation/licenses/COPYING.LGPL-2.1-or-later;md5=4fbd65380cdd255951079008b364516c \
"

SRC_URI = "${DEBIAN_MIRROR}/main/u/util-linux/util-linux_${PV}.orig.tar.xz"
SRC_URI[sha256sum] = "f586e35d320ff537aab3ffeca37e9ecd482ccbe013590db4429a414d8aa6a728"

inherit autotools pkgconfig

# "check" disables cfdisk, which needs ncurses.
EXTRA_OECONF = " \
    --disable-all-programs \
    --disable-asciidoc \
    --disable-bash-completion \
    --disable-nls \
    --disable-shared \
    --enable-fdisks=check \
    --enable-libblkid \
    --enable-libfdisk \
    --enable-libsmartcols \
    --enable-libuuid \
    --enable-partx \
    --enable-static \
    --without-cap-ng \
    --without-econf \
    --without-ncurses \
    --without-ncursesw \
    --without-python \
    --without-readline \
    --without-systemd \
    --without-tinfo \
    --without-udev \
"

# The tarball has a configure script.
do_configure() {
    oe_runconf
}

do_compile() {
    oe_runmake sfdisk partx
}

do_install() {
    install -d ${D}${sbindir}
    install -m 0755 sfdisk partx ${D}${sbindir}
}

PACKAGES =+ "util-linux-sfdisk util-linux-partx"
FILES:util-linux-sfdisk = "${sbindir}/sfdisk"
FILES:util-linux-partx = "${sbindir}/partx"
