# SPDX-License-Identifier: MIT OR Apache-2.0
"""A card with the image, as a file that is larger than the image, and checks after a power cut."""

import hashlib
import json
import subprocess
from pathlib import Path

from commands import run
from write_cache import SECTOR, WriteCache

MIB = 1 << 20
# Size of the card beyond its image.
UNUSED = 512 * MIB
PARTITIONS = ("boot", "root", "data")


def partitions(file):
    """The partition table: (start, length) in bytes, by name."""
    table = json.loads(run("sfdisk", "--json", file))["partitiontable"]
    return {
        name: (entry["start"] * SECTOR, entry["size"] * SECTOR) for name, entry in zip(PARTITIONS, table["partitions"], strict=True)
    }


class Card:
    """Overwrites `file` with `image`, a .wic.zst, and writes `boot_files` (name: text) to the boot partition."""

    def __init__(self, file, image, boot_files):
        self.file = Path(file)
        self.cache = WriteCache(self.file)
        run("zstd", "--decompress", "--force", "--quiet", "--sparse", image, "-o", self.file)
        self.size = self.file.stat().st_size + UNUSED
        with self.file.open("r+b") as card:
            card.truncate(self.size)
        for name, text in boot_files.items():
            run("mcopy", "-o", "-i", self.boot_partition(), "-", f"::{name}", input=text)
        # The board must not write to them.
        self.read_only = {name: self.digest(name) for name in ("boot", "root")}

    def boot_partition(self):
        """The boot partition in the syntax of mtools."""
        return f"{self.file}@@{partitions(self.file)['boot'][0]}"

    def boot_file(self, name, to):
        """Copies a file from the boot partition."""
        run("mcopy", "-n", "-i", self.boot_partition(), f"::{name}", to)
        return to

    def copy(self, name):
        """Copies a partition to a file, and returns its path."""
        start, length = partitions(self.file)[name]
        copy = self.file.with_suffix(f".{name}")
        part = (f"skip={start}", f"count={length}", "iflag=skip_bytes,count_bytes")
        run("dd", f"if={self.file}", f"of={copy}", "bs=1M", *part, "conv=sparse")
        return copy

    def digest(self, name):
        start, length = partitions(self.file)[name]
        digest = hashlib.sha256()
        with self.file.open("rb") as card:
            card.seek(start)
            while length:
                block = card.read(min(length, MIB))
                digest.update(block)
                length -= len(block)
        return digest.hexdigest()

    def check(self):
        """
        Checks that the partition table is valid, that boot and root are unchanged, and that e2fsck finds no error in the data
        partition after its journal was replayed, as by a mount.
        """
        run("sfdisk", "--verify", self.file)
        for name, digest in self.read_only.items():
            if self.digest(name) != digest:
                raise AssertionError(f"the partition {name} was written to")
        copy = self.copy("data")
        try:
            # 0 or 1: the journal was replayed, if necessary, without errors left.
            replayed = subprocess.run(["e2fsck", "-p", copy], check=False, text=True, stdout=subprocess.PIPE)
            if replayed.returncode not in (0, 1):
                raise AssertionError(f"e2fsck -p ended with status {replayed.returncode}:\n{replayed.stdout}")
            run("e2fsck", "-f", "-n", copy)
        finally:
            copy.unlink()

    def was_unmounted(self):
        """Whether the data partition was unmounted: its journal needs no recovery."""
        start, _ = partitions(self.file)["data"]
        return "needs_recovery" not in run("dumpe2fs", "-h", f"{self.file}?offset={start}")
