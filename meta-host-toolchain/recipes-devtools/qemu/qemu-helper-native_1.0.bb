# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The folder in which runqemu looks for QEMU before it takes the host's"
SECTION = "devel"
LICENSE = "MIT"

inherit native

addtask addto_recipe_sysroot after do_populate_sysroot before do_build

python do_addto_recipe_sysroot() {
    bb.build.exec_func("extend_recipe_sysroot", d)
    bb.utils.mkdirhier(d.getVar("STAGING_BINDIR_NATIVE"))
}
do_addto_recipe_sysroot[deptask] = "do_populate_sysroot"
