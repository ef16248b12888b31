# SPDX-License-Identifier: MIT OR Apache-2.0
# Of the distro alone, whose interfaces are oe-core's: with options of its own, a stanza would have some twice, and ifup refuse
# all. The hostname goes to the DHCP server: ifup has a shell run its command. Where nobody answers, the boot waits 3 seconds and
# not 9, and the search goes on every 5 seconds and not every 20.
do_install:append:mypoll() {
    sed -i 's/^iface eth.* inet dhcp$/&\n\thostname $(hostname)\n\tudhcpc_opts -t 1 -A 5/' ${D}${sysconfdir}/network/interfaces
}
