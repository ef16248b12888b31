# SPDX-License-Identifier: MIT OR Apache-2.0
# With nothing but 00_core in /etc/default/volatiles, as here, the script reads a file that it has not written.
do_install:append() {
    sed -i 's/rm -f "$TMP_FILE"/: > "$TMP_FILE"/' ${D}${sysconfdir}/init.d/populate-volatile.sh
}
