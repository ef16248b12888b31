# SPDX-License-Identifier: MIT OR Apache-2.0
# The recipe fetches it from git. This is the tarball of the same version in Debian 13.
SRC_URI = "${DEBIAN_MIRROR}/main/i/init-system-helpers/init-system-helpers_${PV}~deb13u1.tar.xz"
SRC_URI[sha256sum] = "bbd65c63420b6335b91cbf5daad9a70632a087657eb9078ea000f0a16c2d83da"

S = "${UNPACKDIR}/init-system-helpers"
