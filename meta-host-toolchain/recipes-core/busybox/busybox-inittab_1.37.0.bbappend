# SPDX-License-Identifier: MIT OR Apache-2.0
# Busybox's init opens the terminal that an entry names, before ttyrun could see that it is not there, and starts again each second.
do_install:append() {
    sed -i 's,^[^:]*\(::respawn:.*/ttyrun \),\1,' ${D}${sysconfdir}/inittab
}
