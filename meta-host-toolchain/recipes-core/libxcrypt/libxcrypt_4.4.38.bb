# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Extended crypt library for one-way hashing of passwords"
DESCRIPTION = "Debian's cross packages have no libcrypt, and oe-core's recipe fetches its source from git. This is the release \
in Debian 13, from Debian's source archive."
HOMEPAGE = "https://github.com/besser82/libxcrypt"
SECTION = "libs"
LICENSE = "LGPL-2.1-only & 0BSD & BSD-3-Clause"
LIC_FILES_CHKSUM = " \
    file://COPYING.LIB;md5=4fbd65380cdd255951079008b364516c \
    file://LICENSING;md5=c0a30e2b1502c55a7f37e412cd6c6a4b \
"
PROVIDES = "virtual/crypt"

SRC_URI = "${DEBIAN_MIRROR}/main/libx/libxcrypt/libxcrypt_${PV}.orig.tar.xz"
SRC_URI[sha256sum] = "6a275a356622c64ba9f693892215dbb399c003a7a4afeed9c4c74070eaab20f4"

inherit autotools pkgconfig

# The obsolete API keeps the name libcrypt.so.1, as in Debian: on x86-64, programs are linked with the host's library.
EXTRA_OECONF = "--disable-static --disable-werror"
