#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Leaves the build folder as an interrupted build of another kernel does: the folder that modules are built against is empty, and
# the stamps of make-mod-scripts, which filled it, are there. Then builds the driver; in the shell that kas gives.
set -eu

value() {
	bitbake-getvar --quiet --value --recipe "$1" "$2"
}

folder=$(value linux-mypoll STAGING_KERNEL_BUILDDIR)
kernel=$(value linux-mypoll STAMP)
driver=$(value mypoll-driver STAMP)
bitbake -c compile mypoll-driver
rm -rf "$folder" "$kernel".do_shared_workdir.* "$driver".do_configure.* "$driver".do_compile.*
bitbake -c compile mypoll-driver
# It was compiled again.
set -- "$driver".do_compile.*
[ -e "$1" ]
