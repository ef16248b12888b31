# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs programs of the host in the environment of the user who builds."""

import os
import pwd
import shutil
import subprocess


def environment(d):
    origin = d.getVar("BB_ORIGENV", False)
    found = {name: origin.getVar(name) for name in ("HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN")}
    # Not HOME: kas sets a new one for bitbake, and a PATH without rustup's programs.
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        home = found["HOME"]
    cargo_home = found["CARGO_HOME"] or os.path.join(home, ".cargo")
    found["RUSTUP_HOME"] = found["RUSTUP_HOME"] or os.path.join(os.path.dirname(cargo_home), ".rustup")
    # In Debian, depmod and mke2fs are not in a user's PATH.
    found["PATH"] = f"{cargo_home}/bin:{origin.getVar('PATH')}:/usr/sbin:/sbin"
    # This also runs in bitbake's fakeroot worker, and rustc hangs under pseudo.
    found["PSEUDO_UNLOAD"] = "1"
    return {name: value for name, value in found.items() if value}


def which(d, program):
    return shutil.which(program, path=environment(d)["PATH"])


def output(d, *command):
    """The command's output; empty if it fails or is missing."""
    program = which(d, command[0])
    if not program:
        return ""
    try:
        return subprocess.run((program, *command[1:]), env=environment(d) | {"LC_ALL": "C"}, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
