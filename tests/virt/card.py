# SPDX-License-Identifier: MIT OR Apache-2.0
"""A card with the image on it, as a file that is larger than the image, and what is looked at when the power has gone."""

import hashlib
import json
import subprocess
from pathlib import Path

from commands import run
from write_cache import SECTOR, WriteCache

MIB = 1 << 20
# How much larger than its image a card is.
UNUSED = 512 * MIB
PARTITIONS = ("boot", "root", "data")


def partitions(file):
    """Name: (start, length), in bytes, of what the partition table says."""
    table = json.loads(run("sfdisk", "--json", file))["partitiontable"]
    return {
        name: (entry["start"] * SECTOR, entry["size"] * SECTOR) for name, entry in zip(PARTITIONS, table["partitions"], strict=True)
    }


class Card:
    """`file` is rewritten: `image`, a .wic.zst, and `boot_files` (name: text) on the boot partition."""

    def __init__(self, file, image, boot_files):
        self.file = Path(file)
        self.cache = WriteCache(self.file)
        run("zstd", "--decompress", "--force", "--quiet", "--sparse", image, "-o", self.file)
        self.size = self.file.stat().st_size + UNUSED
        with self.file.open("r+b") as card:
            card.truncate(self.size)
        for name, text in boot_files.items():
            run("mcopy", "-o", "-i", self.boot_partition(), "-", f"::{name}", input=text)
        # That neither is written to when the board runs.
        self.read_only = {name: self.digest(name) for name in ("boot", "root")}

    def boot_partition(self):
        """As mtools take it."""
        return f"{self.file}@@{partitions(self.file)['boot'][0]}"

    def boot_file(self, name, to):
        """Copies a file of the boot partition."""
        run("mcopy", "-n", "-i", self.boot_partition(), f"::{name}", to)
        return to

    def copy(self, name):
        """A file that holds what the partition does."""
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
        That the card is clean: the partition table is whole; boot and root hold the bytes they held before; and the data
        partition, once its journal has been replayed as a mount would, has nothing that e2fsck finds.
        """
        run("sfdisk", "--verify", self.file)
        for name, digest in self.read_only.items():
            if self.digest(name) != digest:
                raise AssertionError(f"the partition {name} has been written to")
        copy = self.copy("data")
        try:
            # What replays the journal and is content ends with 0 or 1.
            replayed = subprocess.run(["e2fsck", "-p", copy], check=False, text=True, stdout=subprocess.PIPE)
            if replayed.returncode not in (0, 1):
                raise AssertionError(f"e2fsck -p ended with status {replayed.returncode}:\n{replayed.stdout}")
            run("e2fsck", "-f", "-n", copy)
        finally:
            copy.unlink()

    def was_unmounted(self):
        """Whether there is nothing in the data partition's journal to be replayed."""
        start, _ = partitions(self.file)["data"]
        return "needs_recovery" not in run("dumpe2fs", "-h", f"{self.file}?offset={start}")
