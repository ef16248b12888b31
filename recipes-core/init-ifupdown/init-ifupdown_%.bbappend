# SPDX-License-Identifier: MIT OR Apache-2.0
# Only for this distro, whose interfaces are oe-core's: another distro's stanza might already have these options, and ifup would reject
# duplicates. Sends the hostname to the DHCP server (ifup runs its command in a shell). Without an answer, the boot waits 3 instead of
# 9 seconds, and retries every 5 instead of 20 seconds.
do_install:append:mypoll() {
    sed -i 's/^iface eth.* inet dhcp$/&\n\thostname $(hostname)\n\tudhcpc_opts -t 1 -A 5/' ${D}${sysconfdir}/network/interfaces
}
