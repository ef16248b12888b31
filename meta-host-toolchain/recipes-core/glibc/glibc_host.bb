# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The host distribution's C library, for the target"
DESCRIPTION = "glibc and libgcc as installed by the distribution's packages."
HOMEPAGE = "https://www.gnu.org/software/libc/"
SECTION = "libs"
LICENSE = "LGPL-2.1-or-later & GPL-2.0-or-later & GPL-3.0-with-GCC-exception"
PROVIDES = "libgcc linux-libc-headers virtual/libc virtual/libiconv virtual/libintl"

PV = "${@d.getVar('HOST_LIBC_VERSION').split('-')[0]}"

INHIBIT_DEFAULT_DEPS = "1"
# As built by Debian, without debug information.
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_SYSROOT_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"

# Debian's cross gcc finds its headers and libraries outside any sysroot; the native one searches the sysroot.
HOST_LIBC_DEV_PACKAGES = "${@oe.utils.vartrue('HOST_CROSS', '', 'libc6-dev:${DPKG_ARCH} linux-libc-dev:${DPKG_ARCH}', d)}"
HOST_MULTIARCH = "${TARGET_ARCH}-linux-gnu"

# Another gcc version gets another name in the shared state.
do_install[vardeps] += "HOST_GCC_VERSION HOST_LIBC_VERSION"

do_install() {
    install -d ${D}${base_libdir}
    dpkg-query --listfiles ${HOST_LIBC_PACKAGES} | grep -E '/lib(64)?/.*\.so(\.[0-9]+)*$' | while read -r library; do
        # Modules of iconv, audit and the like are in folders of their own.
        case ${library#*/lib} in
        /*/*/* | *gconv*) continue ;;
        esac
        if [ -f "$library" ]; then
            install -m 0755 "$library" ${D}${base_libdir}/
        fi
    done
}

do_install:append:x86-64() {
    # Where the loader is by the ABI, whatever base_libdir is.
    if [ "${base_libdir}" != "/lib64" ]; then
        install -d ${D}/lib64
        ln -s ..${base_libdir}/ld-linux-x86-64.so.2 ${D}/lib64/
    fi
}

SYSROOT_PREPROCESS_FUNCS += "stage_host_libc"

stage_host_libc() {
    [ -n "${HOST_LIBC_DEV_PACKAGES}" ] || return 0
    # With /usr merged or not, the same layout.
    dpkg-query --listfiles ${HOST_LIBC_PACKAGES} ${HOST_LIBC_DEV_PACKAGES} \
        | grep -E '^(/usr)?/(lib|lib64|include)/' | while read -r file; do
        if [ ! -d "$file" ]; then
            install -d "${SYSROOT_DESTDIR}/usr$(dirname "${file#/usr}")"
            cp -P --no-preserve=ownership "$file" "${SYSROOT_DESTDIR}/usr${file#/usr}"
        fi
    done
    install -d ${SYSROOT_DESTDIR}/lib
    ln -s ../usr/lib/${HOST_MULTIARCH} ${SYSROOT_DESTDIR}/lib/${HOST_MULTIARCH}
}

PACKAGES = "${PN}"
FILES:${PN} = "${base_libdir} /lib64"
RPROVIDES:${PN} = "libgcc rtld(GNU_HASH)"
# Unversioned ones, such as libmemusage.so, are for LD_PRELOAD.
# nooelint: oelint.vars.insaneskip
INSANE_SKIP:${PN} = "dev-so libdir already-stripped"
