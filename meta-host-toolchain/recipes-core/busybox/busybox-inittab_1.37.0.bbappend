# SPDX-License-Identifier: MIT OR Apache-2.0
# Busybox's init opens the terminal of an entry before ttyrun can detect that it is missing, and retries each second.
do_install:append() {
    sed -i 's,^[^:]*\(::respawn:.*/ttyrun \),\1,' ${D}${sysconfdir}/inittab
}
