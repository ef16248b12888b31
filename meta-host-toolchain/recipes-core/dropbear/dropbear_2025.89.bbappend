# SPDX-License-Identifier: MIT OR Apache-2.0
# Debian's archive lacks the zlib file that oe-core checks, and dropbear works without compression.
DEPENDS:remove = "zlib"
EXTRA_OECONF += "--disable-zlib"
