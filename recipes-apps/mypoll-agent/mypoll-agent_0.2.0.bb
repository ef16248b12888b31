# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Carries the events of /dev/mypoll to the network and to GPIO outputs"
SUMMARY:mypoll-completions = "Completions of mypoll-agent and mypollctl for bash, fish and zsh"
SUMMARY:mypoll-crate-licences = "Licences of the crates in the programs"
SUMMARY:mypoll-examples = "Example programs that read events with SIGIO, or from private queues"
SUMMARY:mypoll-selftest = "Tests of /dev/mypoll on the target"
SUMMARY:mypollctl = "Shows the events of /dev/mypoll, and sends commands to the driver"
DESCRIPTION = "The agent, a service with its own user; mypollctl, which shows events and controls the driver; mypoll-selftest, \
which tests the driver on the target; and examples of SIGIO and of private queues"
SECTION = "net"
# Our licence, and those of linked crates: most are available under MIT, some only under others; of TLS, ring under
# Apache-2.0 and ISC, webpki and untrusted under ISC, subtle under BSD-3-Clause.
LICENSE = "(MIT | Apache-2.0) & MIT & Apache-2.0 & BSD-3-Clause & ISC"
LICENSE:mypoll-examples = "(MIT | Apache-2.0) & MIT"
LICENSE:mypoll-selftest = "(MIT | Apache-2.0) & MIT"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/BSD-3-Clause;md5=550794465ba0ec5312d6919e203a55f9 \
    file://${COMMON_LICENSE_DIR}/ISC;md5=f3b90e78ea0cffb20bf5cca7947a896d \
"

# The directories are laid out as in the repository: the client crate has a relative link to the driver's uapi. A single entry,
# which devtool takes as a whole.
FILESEXTRAPATHS:prepend := "${THISDIR}:${THISDIR}/../../recipes-kernel/mypoll/mypoll:"
SRC_URI = "\
    file://mypoll-agent;subdir=${BP}/recipes-apps/mypoll-agent \
    file://uapi;subdir=${BP}/recipes-kernel/mypoll/mypoll \
    file://files/mypoll-agent.init \
    file://files/mypoll-agent.rules \
    file://files/mypoll-agent.service \
"

S = "${UNPACKDIR}/${BP}/recipes-apps/mypoll-agent/mypoll-agent"
# The default is the newest file's time, which is that of the clone: builds would not be reproducible.
SOURCE_DATE_EPOCH = "${SOURCE_DATE_EPOCH_FALLBACK}"

inherit mypoll-cargo-lock-crates features_check systemd update-rc.d useradd
inherit_defer ${@bb.utils.contains('BBFILE_COLLECTIONS', 'rust-bin-layer', 'cargo_bin', 'cargo', d)}

# The driver's licence.
REQUIRED_DISTRO_FEATURES = "mypoll"

# The directory of the programs after do_compile, as cargo_bin names it.
CARGO_BINDIR ?= "${B}/target/${CARGO_TARGET_SUBDIR}"

# As in oe-core's class: no build paths in the programs.
EXTRA_RUSTFLAGS = "--remap-path-prefix=${WORKDIR}=${TARGET_DBGSRC_DIR}"
# Crates with C code are beside the source.
CFLAGS:append = " -ffile-prefix-map=${WORKDIR}=${TARGET_DBGSRC_DIR}"
# Where the crate mypoll-manual, compiled for the build machine, writes man pages, completions and licences.
export MYPOLL_MANUAL = "${B}/manual"
# Symbols are in the -dbg package.
export CARGO_PROFILE_RELEASE_DEBUG = "true"
export CARGO_PROFILE_RELEASE_STRIP = "none"
# Halves the size at several times the compile time.
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS = "1"
export CARGO_PROFILE_RELEASE_LTO = "fat"
export CARGO_PROFILE_RELEASE_OPT_LEVEL = "z"
# A panic aborts, so only debuggers unwind the stack, and these find the tables in the -dbg package. The path is relative
# to the workspace, because cargo hashes it into symbol names.
RUSTFLAGS:append = " -Cforce-unwind-tables=no -Cllvm-args=--force-dwarf-frame-section \
    -Clink-arg=-Wl,--no-eh-frame-hdr -Clink-arg=-Wl,-T,no-unwind-tables.ld"
# Relocations in a bitmap: needs glibc 2.36 and GNU ld 2.44; older versions of ld warn and ignore it.
RUSTFLAGS:append = " -Clink-arg=-Wl,-z,pack-relative-relocs"
# Size limit of the stripped agent, in bytes. The same code is larger on x86.
MYPOLL_AGENT_SIZE_MAX ?= "2500000"
MYPOLL_AGENT_SIZE_MAX:x86-64 ?= "3200000"

SYSTEMD_SERVICE:${PN} = "mypoll-agent.service"

INITSCRIPT_NAME = "mypoll-agent"
INITSCRIPT_PARAMS = "defaults 70 30"

# gpio is the usual group of the GPIO character devices in boards' udev rules.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system mypoll; --system gpio"
USERADD_PARAM:${PN} = "--system --gid mypoll --groups gpio --no-create-home --home-dir / --shell ${base_sbindir}/nologin mypoll"

# meta-rust-bin's function checks the machine, for 32-bit ARM: machines with the same tune share the programs.
# nooelint: oelint.vars.mispell.unknown - a function of that layer's
rust_target[vardepsexclude] += "MACHINEOVERRIDES"

do_compile:prepend:x86-64() {
    # meta-rust-bin clears HOST_CFLAGS, which C code in crates uses if both machines have the same target.
    export CFLAGS_x86_64_unknown_linux_gnu="${CFLAGS}"
}

do_compile:append() {
    # Separate from the programs, so that the examples' development dependencies do not change their features.
    cargo build ${CARGO_BUILD_FLAGS} --package mypoll --features tokio --examples
}

do_install() {
    install -d ${D}${bindir}
    for program in mypoll-agent mypollctl mypoll-selftest; do
        install -m 0755 ${CARGO_BINDIR}/$program ${D}${bindir}
    done
    for example in sigio_test sigio_eventfd_epoll queue_read queue_tokio queue_ring; do
        install -m 0755 ${CARGO_BINDIR}/examples/$example ${D}${bindir}
    done

    ${STRIP} -o ${B}/mypoll-agent.stripped ${D}${bindir}/mypoll-agent
    size=$(stat -c %s ${B}/mypoll-agent.stripped)
    bbnote "mypoll-agent: $size bytes stripped, of ${MYPOLL_AGENT_SIZE_MAX}"
    if [ "$size" -gt "${MYPOLL_AGENT_SIZE_MAX}" ]; then
        bbfatal "mypoll-agent is $size bytes stripped, at most ${MYPOLL_AGENT_SIZE_MAX} are allowed: see 'Size' in docs/agent.md"
    fi

    install -d ${D}${datadir}
    cp -R --no-preserve=ownership,mode ${MYPOLL_MANUAL}/* ${D}${datadir}

    install -D -m 0644 ${UNPACKDIR}/files/mypoll-agent.rules ${D}${nonarch_base_libdir}/udev/rules.d/70-mypoll-agent.rules
    install -D -m 0644 ${UNPACKDIR}/files/mypoll-agent.service ${D}${systemd_system_unitdir}/mypoll-agent.service
    install -D -m 0755 ${UNPACKDIR}/files/mypoll-agent.init ${D}${sysconfdir}/init.d/mypoll-agent
    sed -i 's,/usr/bin/,${bindir}/,g' ${D}${systemd_system_unitdir}/mypoll-agent.service ${D}${sysconfdir}/init.d/mypoll-agent
}

PACKAGES =+ "mypollctl mypoll-selftest mypoll-examples mypoll-completions mypoll-crate-licences"

FILES:${PN} += "${nonarch_base_libdir}/udev/rules.d"
FILES:mypoll-completions = "${datadir}/bash-completion ${datadir}/fish ${datadir}/zsh"
FILES:mypoll-crate-licences = "${datadir}/licenses"
FILES:mypollctl = "${bindir}/mypollctl"
FILES:mypoll-selftest = "${bindir}/mypoll-selftest"
FILES:mypoll-examples = "${bindir}/sigio_* ${bindir}/queue_*"

RDEPENDS:${PN} += "mypoll-crate-licences"
RDEPENDS:mypoll-examples += "mypoll-crate-licences"
RDEPENDS:mypoll-selftest += "mypoll-crate-licences"
RDEPENDS:mypollctl += "mypoll-crate-licences"
RRECOMMENDS:${PN} += "mypoll-driver virtual-mypoll-agent-conf"
