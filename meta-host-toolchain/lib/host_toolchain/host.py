# SPDX-License-Identifier: MIT OR Apache-2.0
"""The build host."""

from host_toolchain import apt, packages, rust
from host_toolchain.command import output, which


def missing(d):
    """A message with what must be installed first, or None."""
    if not which(d, "apt-get"):
        return "TCMODE \"host\" takes its compilers from Debian or Ubuntu, and this machine has no apt-get: build on one of them, " \
               "or omit kas/host-toolchain.yml."
    if d.getVar("TARGET_ARCH") not in ("aarch64", "x86_64"):
        return f"TCMODE \"host\" does not support {d.getVar('TARGET_ARCH')}: choose a MACHINE that is aarch64 " \
               "or x86_64, or omit kas/host-toolchain.yml."
    lacking = packages.missing(d)
    if lacking:
        return f"TCMODE \"host\" takes its tools from this machine, where some are missing: sudo apt install {' '.join(lacking)}"
    return rust.problem(d)


def facts(d):
    """The variables that describe the host."""
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
