# SPDX-License-Identifier: MIT OR Apache-2.0
"""The crates in a Cargo.lock, for bitbake's crate fetcher."""

import tomllib
from typing import NamedTuple

# crates.io in Cargo.lock: its index as a git repository, and over HTTP.
CRATES_IO = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)


class Crate(NamedTuple):
    """A crate from crates.io."""

    name: str
    version: str
    sha256: str

    @property
    def uri(self):
        """The URI for SRC_URI."""
        return f"crate://crates.io/{self.name}/{self.version}"

    @property
    def checksum_flag(self):
        """The flag of SRC_URI for this crate's checksum."""
        return f"{self.name}-{self.version}.sha256sum"


class Unusable(Exception):
    """Why the crates of a Cargo.lock can't be fetched, and how to fix it."""


def crates(path):
    """All crates except those of the workspace, in the file's order."""
    try:
        with open(path, "rb") as file:
            packages = tomllib.load(file).get("package", [])
    except FileNotFoundError:
        raise Unusable(f"{path} is missing: create it with 'cargo generate-lockfile' and commit it") from None
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"{path} is not a valid Cargo.lock ({error}): regenerate it with 'cargo generate-lockfile'") from None
    return [crate(path, package) for package in packages if "source" in package]


def crate(path, package):
    """The crate of an entry. Only crates from crates.io are supported: their entries have all that a fetch needs."""
    name, version, source = (package[key] for key in ("name", "version", "source"))
    if source not in CRATES_IO:
        raise Unusable(f"{path}: {name} {version} comes from {source}: use it from crates.io, or add it to the workspace")
    if "checksum" not in package:
        raise Unusable(f"{path}: {name} {version} has no checksum: regenerate the file with 'cargo generate-lockfile'")
    return Crate(name, version, package["checksum"])
