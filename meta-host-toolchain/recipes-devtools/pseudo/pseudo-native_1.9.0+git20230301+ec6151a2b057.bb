# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Pseudo gives fake root capabilities to a normal user"
DESCRIPTION = "oe-core takes it from git. This one is Debian 13's, which its source archive keeps, with what bitbake \
2.18 and Python 3.13 ask for and it does not know yet."
HOMEPAGE = "https://git.yoctoproject.org/pseudo"
SECTION = "base"
LICENSE = "LGPL-2.1-only"
LIC_FILES_CHKSUM = "file://COPYING;md5=a1d8023a6f953ac6ea4af765ff62d574"
PROVIDES += "virtual/fakeroot-native"

SRC_URI = " \
    ${DEBIAN_MIRROR}/main/p/pseudo/pseudo_${PV}.orig.tar.xz \
    file://0001-add-PSEUDO_INCLUDE_PATHS.patch \
    file://0002-wrap-posix_spawn.patch \
    file://passwd \
    file://group \
"
SRC_URI[sha256sum] = "7fd9ecc7ad28911b78dc19fa47b68c86cfcad21953431e82008582f208b37fff"

inherit native

do_configure() {
    ${S}/configure --prefix=${prefix} --libdir=${prefix}/lib/pseudo/lib64 --bits=64 --cflags="${CFLAGS}" --without-rpath \
        --with-sqlite=/usr --with-sqlite-lib=lib/${BUILD_ARCH}-linux-gnu \
        --enable-force-async --without-passwd-fallback --enable-epoll --enable-xattr
}

do_install() {
    oe_runmake DESTDIR=${D} 'LIB=lib/pseudo/lib$(MARK64)' install
    # Users of the image before it has its own passwd.
    install -D -m 0444 ${UNPACKDIR}/passwd ${D}${sysconfdir}/passwd
    install -D -m 0444 ${UNPACKDIR}/group ${D}${sysconfdir}/group
}
