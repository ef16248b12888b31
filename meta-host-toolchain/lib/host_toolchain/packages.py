# SPDX-License-Identifier: MIT OR Apache-2.0
"""Required packages."""

import os

from host_toolchain.command import which


def split(entry):
    name, _, package = entry.partition(":")
    return name, package or name


def missing(d):
    """The packages of missing tools and files."""
    tools = d.getVar("HOST_TOOLCHAIN_COMPILER").split() + d.getVar("HOST_TOOLCHAIN_TOOLS").split()
    lacking = {package for tool, package in map(split, tools) if not which(d, tool)}
    lacking |= {package for path, package in map(split, d.getVar("HOST_TOOLCHAIN_FILES").split())
                if not os.path.exists(path)}
    return sorted(lacking)
