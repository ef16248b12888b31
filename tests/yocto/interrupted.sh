#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the driver after simulating an interrupted build of another kernel: the folder that modules are built against is empty,
# but the stamps of make-mod-scripts, which had filled it, still exist. Run it with `kas shell`.
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
# The driver must have been compiled again.
set -- "$driver".do_compile.*
[ -e "$1" ]
