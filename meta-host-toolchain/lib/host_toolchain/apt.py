# SPDX-License-Identifier: MIT OR Apache-2.0
"""Queries the host's package manager."""

from host_toolchain.command import output


def debian_mirror(d):
    """The mirror of Debian's archive that this machine's apt uses, if any."""
    lines = output(d, "apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)").splitlines()
    mirrors = [line.split("|")[2] for line in lines if line.startswith("Debian|Debian|")]
    return f"{mirrors[0].rstrip('/')}/pool" if mirrors else None


def version(d, package):
    """The version of an installed package."""
    return output(d, "dpkg-query", "--show", "--showformat", "${Version}", package)
