# SPDX-License-Identifier: MIT OR Apache-2.0
"""The host as this build sees it."""

from host_toolchain import apt, packages, rust
from host_toolchain.command import output, which


def missing(d):
    """A sentence on what has to be installed first, if anything has."""
    if not which(d, "apt-get"):
        return "TCMODE \"host\" takes its compilers from Debian or Ubuntu, and this machine has no apt-get: build there, " \
               "or leave kas/host-toolchain.yml out."
    if d.getVar("TARGET_ARCH") not in ("aarch64", "x86_64"):
        return f"TCMODE \"host\" does not know how to build for {d.getVar('TARGET_ARCH')}: choose a MACHINE that is aarch64 " \
               "or x86_64, or leave kas/host-toolchain.yml out."
    lacking = packages.missing(d)
    if lacking:
        return f"TCMODE \"host\" takes its tools from this machine, which lacks some: sudo apt install {' '.join(lacking)}"
    return rust.problem(d)


def facts(d):
    """The variables that say what is there."""
    release, sysroot = rust.rustc(d)
    found = {
        "HOST_GCC_VERSION": output(d, d.expand("${TARGET_PREFIX}gcc"), "-dumpfullversion"),
        "HOST_LIBC_VERSION": apt.version(d, d.getVar("HOST_LIBC_PACKAGES").split()[0]),
        "HOST_RUST_VERSION": release,
        "HOST_RUST_SYSROOT": sysroot,
        "HOST_CARGO": rust.cargo(d, sysroot),
        "HOST_RUST_LIBRARY": rust.library(d, release, sysroot),
        "HOST_RUST_TARGET_LIBRARY": rust.target_library(sysroot, d.expand("${TARGET_ARCH}-unknown-linux-gnu")),
    }
    mirror = apt.debian_mirror(d)
    return found | ({"DEBIAN_MIRROR": mirror} if mirror else {})
