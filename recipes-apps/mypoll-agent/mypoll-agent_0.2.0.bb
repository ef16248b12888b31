# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Carries the events of /dev/mypoll to the network and to GPIO outputs"
SUMMARY:mypoll-completions = "What bash, fish and zsh complete of the words of mypoll-agent and mypollctl"
SUMMARY:mypoll-crate-licences = "The licences of the crates that the programs are made of"
SUMMARY:mypoll-examples = "Programs that take events by SIGIO, or from queues of their own"
SUMMARY:mypoll-selftest = "Tests /dev/mypoll where it runs"
SUMMARY:mypollctl = "Shows the events of /dev/mypoll, and gives the driver its commands"
DESCRIPTION = "The agent, a service of its own user; mypollctl, which shows events and commands the driver; mypoll-selftest, \
which tests the driver where it runs; and examples of SIGIO and of queues"
SECTION = "net"
# Ours, and that of the crates which are linked in: most are to be had under MIT, some under nothing else; of TLS, ring under
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

# The folders lie as in the repository: the client crate has a relative link to the driver's uapi. All in one, which devtool
# takes as a whole.
FILESEXTRAPATHS:prepend := "${THISDIR}:${THISDIR}/../../recipes-kernel/mypoll/mypoll:"
SRC_URI = "\
    file://mypoll-agent;subdir=${BP}/recipes-apps/mypoll-agent \
    file://uapi;subdir=${BP}/recipes-kernel/mypoll/mypoll \
    file://files/mypoll-agent.init \
    file://files/mypoll-agent.rules \
    file://files/mypoll-agent.service \
"

S = "${UNPACKDIR}/${BP}/recipes-apps/mypoll-agent/mypoll-agent"
# Not the youngest file's time, which is that of its clone: two builds are to give the same bytes.
SOURCE_DATE_EPOCH = "${SOURCE_DATE_EPOCH_FALLBACK}"

inherit mypoll-cargo-lock-crates features_check systemd update-rc.d useradd
inherit_defer ${@bb.utils.contains('BBFILE_COLLECTIONS', 'rust-bin-layer', 'cargo_bin', 'cargo', d)}

# The driver's.
REQUIRED_DISTRO_FEATURES = "mypoll"

# Where the programs are after do_compile, by the name that cargo_bin has for it.
CARGO_BINDIR ?= "${B}/target/${CARGO_TARGET_SUBDIR}"

# What oe-core's class has by itself: no path of this build in the programs.
EXTRA_RUSTFLAGS = "--remap-path-prefix=${WORKDIR}=${TARGET_DBGSRC_DIR}"
# Crates with code in C are beside the source.
CFLAGS:append = " -ffile-prefix-map=${WORKDIR}=${TARGET_DBGSRC_DIR}"
# Where the crate mypoll-manual leaves man pages, completions and licences: it is compiled for the machine that builds.
export MYPOLL_MANUAL = "${B}/manual"
# Symbols go to the -dbg package.
export CARGO_PROFILE_RELEASE_DEBUG = "true"
export CARGO_PROFILE_RELEASE_STRIP = "none"
# Half the size, at several times the time.
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS = "1"
export CARGO_PROFILE_RELEASE_LTO = "fat"
export CARGO_PROFILE_RELEASE_OPT_LEVEL = "z"
# A panic aborts, so nothing unwinds the stack but debuggers, and these find the tables in the -dbg package. The path is
# relative to the workspace, for cargo hashes it into the names of symbols.
RUSTFLAGS:append = " -Cforce-unwind-tables=no -Cllvm-args=--force-dwarf-frame-section \
    -Clink-arg=-Wl,--no-eh-frame-hdr -Clink-arg=-Wl,-T,no-unwind-tables.ld"
# Relocations in a bitmap: glibc has it from 2.36 on, GNU ld from 2.44 on; older ones say that they ignore it.
RUSTFLAGS:append = " -Clink-arg=-Wl,-z,pack-relative-relocs"
# The budget of the stripped agent, in bytes. The same code is larger on x86.
MYPOLL_AGENT_SIZE_MAX ?= "2500000"
MYPOLL_AGENT_SIZE_MAX:x86-64 ?= "3200000"

SYSTEMD_SERVICE:${PN} = "mypoll-agent.service"

INITSCRIPT_NAME = "mypoll-agent"
INITSCRIPT_PARAMS = "defaults 70 30"

# gpio is what boards' udev rules call the group of the GPIO character devices.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system mypoll; --system gpio"
USERADD_PARAM:${PN} = "--system --gid mypoll --groups gpio --no-create-home --home-dir / --shell ${base_sbindir}/nologin mypoll"

# meta-rust-bin's looks at the machine, for 32-bit ARM: machines of the same tune share the programs.
# nooelint: oelint.vars.mispell.unknown - a function of that layer's
rust_target[vardepsexclude] += "MACHINEOVERRIDES"

do_compile:prepend:x86-64() {
    # meta-rust-bin empties HOST_CFLAGS, which C code in crates gets where both machines have one target.
    export CFLAGS_x86_64_unknown_linux_gnu="${CFLAGS}"
}

do_compile:append() {
    # Apart from the programs, so that the examples' development dependencies change none of their features.
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
