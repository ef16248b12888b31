# SPDX-License-Identifier: MIT OR Apache-2.0
# util-linux is not built here. The lock is only for images with a package manager, which this profile does not support.
RDEPENDS:${PN}:remove = "util-linux-flock"
