# SPDX-License-Identifier: MIT OR Apache-2.0
"""The crates that a Cargo.lock names, as bitbake's crate fetcher takes them."""

import tomllib
from typing import NamedTuple

# The sources under which Cargo.lock has crates.io: its index as a git repository and by HTTP.
CRATES_IO = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)


class Crate(NamedTuple):
    """One crate of crates.io."""

    name: str
    version: str
    sha256: str

    @property
    def uri(self):
        """For SRC_URI."""
        return f"crate://crates.io/{self.name}/{self.version}"

    @property
    def checksum_flag(self):
        """The flag of SRC_URI that has this crate's checksum."""
        return f"{self.name}-{self.version}.sha256sum"


class Unusable(Exception):
    """Why the crates of a Cargo.lock can't be fetched, and what to do."""


def crates(path):
    """All crates but the workspace's own, in the file's order."""
    try:
        with open(path, "rb") as file:
            packages = tomllib.load(file).get("package", [])
    except FileNotFoundError:
        raise Unusable(f"{path} is missing: make it with 'cargo generate-lockfile' and commit it") from None
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"{path} is no Cargo.lock ({error}): make it anew with 'cargo generate-lockfile'") from None
    return [crate(path, package) for package in packages if "source" in package]


def crate(path, package):
    """One entry. Only crates.io's can be fetched: their URI and their checksum follow from it."""
    name, version, source = (package[key] for key in ("name", "version", "source"))
    if source not in CRATES_IO:
        raise Unusable(f"{path}: {name} {version} comes from {source}: take it from crates.io, or make it part of the workspace")
    if "checksum" not in package:
        raise Unusable(f"{path}: {name} {version} has no checksum: make the file anew with 'cargo generate-lockfile'")
    return Crate(name, version, package["checksum"])
