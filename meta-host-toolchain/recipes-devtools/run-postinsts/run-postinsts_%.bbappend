# SPDX-License-Identifier: MIT OR Apache-2.0
# util-linux is not built here. The lock is for images with a package manager, which have no use for this profile.
RDEPENDS:${PN}:remove = "util-linux-flock"
