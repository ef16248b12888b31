# SPDX-License-Identifier: MIT OR Apache-2.0
# zlib is not in Debian's archive in the bytes that oe-core checks, and dropbear does without compression.
DEPENDS:remove = "zlib"
EXTRA_OECONF += "--disable-zlib"
