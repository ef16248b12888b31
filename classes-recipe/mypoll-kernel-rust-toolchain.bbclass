# SPDX-License-Identifier: MIT OR Apache-2.0
# The Rust toolchain of a kernel with CONFIG_RUST, and of its modules. MYPOLL_RUST selects it:
#   prebuilt  meta-rust-bin's rustc, the published library source and libclang, bindgen built by that rustc: minutes
#   oe-core   clang, rustc and bindgen from source: hours
MYPOLL_RUST ??= "${@bb.utils.contains('BBFILE_COLLECTIONS', 'rust-bin-layer', 'prebuilt', 'oe-core', d)}"

MYPOLL_RUST_DEPENDS[prebuilt] = "rust-bin-cross-${TARGET_ARCH} rust-src-bin-native bindgen-bin-native libclang-bin-native"
MYPOLL_RUST_DEPENDS[oe-core] = "clang-native rust-native bindgen-cli-native"

# Their names in oe-core's kernel-yocto-rust.
RUST_KERNEL_DEPENDS = "${@d.getVarFlag('MYPOLL_RUST_DEPENDS', d.getVar('MYPOLL_RUST')) or ''}"
RUST_KERNEL_TASK_DEPENDS = "${@' '.join(f'{recipe}:do_populate_sysroot' for recipe in d.getVar('RUST_KERNEL_DEPENDS').split())}"
DEPENDS += "${RUST_KERNEL_DEPENDS}"
# For module-rust.
DEPENDS:remove = "${@oe.utils.conditional('MYPOLL_RUST', 'prebuilt', 'rust-native', '', d)}"

export LIBCLANG_PATH = "${STAGING_LIBDIR_NATIVE}"
# Kbuild takes $(HOSTCC) for one path: https://github.com/Rust-for-Linux/linux/issues/1224
CCACHE_DISABLE = "1"

inherit_defer ${@'kernel-yocto-rust' if bb.data.inherits_class('kernel', d) else ''}

kernel_rust_available() {
    version=${STAGING_LIBDIR_NATIVE}/rustlib/src/rust/version
    if [ -e $version ] && [ "$(rustc --version)" != "rustc $(cat $version)" ]; then
        bbfatal "$(rustc --version) can't compile the library source of Rust $(cat $version): set PREFERRED_VERSION_rust-bin-cross-${TARGET_ARCH} and PREFERRED_VERSION_cargo-bin-cross-${TARGET_ARCH} to \"$(cut -d' ' -f1 $version)\"."
    fi
    if ! oe_runmake_call -C ${S} O=${B} rustavailable >${T}/rustavailable 2>&1; then
        cat ${T}/rustavailable
        reason=$(sed -n '/^\*\*\* Please see/,$d; s/^\*\*\* *\(.\+\)/\1/p' ${T}/rustavailable | tr -s '\n ' ' ')
        bbfatal "The kernel can't use this Rust toolchain: ${reason}(MYPOLL_RUST = \"${MYPOLL_RUST}\": take newer recipes of ${RUST_KERNEL_DEPENDS}, or the other choice, ${@oe.utils.conditional('MYPOLL_RUST', 'prebuilt', 'oe-core', 'prebuilt', d)})."
    fi
}
kernel_rust_available[dirs] = "${B}"

# do_shared_workdir empties the directory that make-mod-scripts fills. If a build is interrupted and the next one returns to an
# earlier signature, stamps of make-mod-scripts still match, and modules would be built against an empty directory.
outdate_mod_scripts() {
    rm -f ${STAMPS_DIR}/${MULTIMACH_TARGET_SYS}/make-mod-scripts/*.do_configure.* ${STAMPS_DIR}/${MULTIMACH_TARGET_SYS}/make-mod-scripts/*.do_compile.*
}

python () {
    if 'mypoll' not in d.getVar('DISTRO_FEATURES').split():
        raise bb.parse.SkipRecipe('"mypoll" is not in DISTRO_FEATURES: require conf/distro/include/mypoll.inc in the distro\'s configuration')
    choices = d.getVarFlags('MYPOLL_RUST_DEPENDS')
    if d.getVar('MYPOLL_RUST') not in choices:
        raise bb.parse.SkipRecipe(f'MYPOLL_RUST is "{d.getVar("MYPOLL_RUST")}": set it to one of {", ".join(choices)}')

    # Before the first task that configures, so that the answer comes before what follows from it.
    if bb.data.inherits_class('kernel', d):
        task = 'do_kernel_configme' if bb.data.inherits_class('kernel-yocto', d) else 'do_configure'
        d.appendVarFlag(task, 'prefuncs', ' kernel_rust_available')
        d.appendVarFlag('do_shared_workdir', 'postfuncs', ' outdate_mod_scripts')
}
