# SPDX-License-Identifier: MIT OR Apache-2.0
"""The host's Rust."""

import os
import re

from host_toolchain.command import output, which

RUSTC_MIN = (1, 85)


def problem(d):
    """A message with the problem of the host's rustc, or None."""
    found = rustc(d)
    if not found:
        return "TCMODE \"host\" takes its Rust from this machine, but there is no rustc in $CARGO_HOME/bin, ~/.cargo/bin or " \
               "PATH: install it with rustup (https://rustup.rs), or export CARGO_HOME if it is somewhere else."
    if tuple(map(int, found[0].split("-")[0].split(".")[:2])) < RUSTC_MIN:
        return f"TCMODE \"host\" takes its Rust from this machine, whose rustc is {found[0]}: " \
               f"{RUSTC_MIN[0]}.{RUSTC_MIN[1]} or newer is needed ('rustup update stable' gets it)."
    if not library(d, *found):
        return f"TCMODE \"host\" takes its Rust from this machine, which lacks the library's source: 'rustup component add " \
               f"rust-src' gets it; or unpack Debian's rust-src {found[0]}, and set HOST_RUST_LIBRARY to its folder \"library\"."
    return None


def rustc(d):
    """The release and the sysroot of the host's rustc."""
    release = re.search(r"^release: (\S+)", output(d, "rustc", "-vV"), re.MULTILINE)
    return (release[1], output(d, "rustc", "--print", "sysroot")) if release else None


def cargo(d, sysroot):
    """The cargo next to rustc: rustup's cargo is a proxy."""
    own = os.path.join(sysroot, "bin/cargo")
    return own if os.access(own, os.X_OK) else which(d, "cargo")


def library(d, release, sysroot):
    """The library's source: as configured, rustup's component, or Debian's package."""
    named = d.getVar("HOST_RUST_LIBRARY")
    folders = [named] if named else [f"{sysroot}/lib/rustlib/src/rust/library", f"/usr/src/rustc-{release}/library"]
    return next((folder for folder in folders if os.path.exists(f"{folder}/core/src/lib.rs")), "")


def target_library(sysroot, target):
    """The compiled library for the target, if the toolchain has it."""
    folder = os.path.join(sysroot, "lib/rustlib", target)
    return folder if os.path.isdir(os.path.join(folder, "lib")) else ""
