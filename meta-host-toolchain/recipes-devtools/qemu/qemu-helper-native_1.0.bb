# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host's QEMU, where runqemu expects it"
SECTION = "devel"
LICENSE = "MIT"

DEPENDS = "qemu-qmp-native"

inherit native

do_install() {
    install -d ${D}${bindir}
    for program in qemu-system-aarch64 qemu-system-x86_64; do
        if path=$(command -v $program); then
            ln -s "$(readlink -f "$path")" ${D}${bindir}/$program
        fi
    done
}

addtask addto_recipe_sysroot after do_populate_sysroot before do_build

python do_addto_recipe_sysroot() {
    bb.build.exec_func("extend_recipe_sysroot", d)
}
do_addto_recipe_sysroot[deptask] = "do_populate_sysroot"
