# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Raspberry Pi's SD card, as built by bitbake. MYPOLL_IMAGE: the image, a .wic.zst. MYPOLL_MACHINE: its machine. Needs no
root."""

import atexit
import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

IMAGE = Path(os.environ["MYPOLL_IMAGE"])
MACHINE = os.environ["MYPOLL_MACHINE"]

MIB = 1 << 20


def run(*command):
    """The program's standard output. Fails the test if the program fails."""
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if ended.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


class Partition:
    """`number` counts from 1; `start` and `size` are in bytes."""

    def __init__(self, image, number, entry, sector):
        self.number = number
        self.start = entry["start"] * sector
        self.size = entry["size"] * sector
        self.type = entry["type"]
        self.active = entry.get("bootable", False)
        # Its content as a file, and a folder for its files.
        self.file = image.with_name(f"partition{number}")
        self.folder = image.with_name(f"folder{number}")

    def superblock(self, image):
        """TYPE, LABEL and UUID of the file system, by blkid."""
        options = ("--probe", "--output", "export", "--offset", str(self.start), "--size", str(self.size))
        return dict(line.split("=", 1) for line in run("blkid", *options, image).splitlines())


class Card:
    def __init__(self, folder):
        self.image = folder / "card.wic"
        run("zstd", "--quiet", "--decompress", "--sparse", "-o", self.image, IMAGE.resolve())
        table = json.loads(run("sfdisk", "--json", self.image))["partitiontable"]
        self.disk_id = table["id"].removeprefix("0x")
        numbered = enumerate(table["partitions"], 1)
        self.partitions = [Partition(self.image, number, entry, table["sectorsize"]) for number, entry in numbered]
        for partition in self.partitions:
            run("dd", "status=none", "conv=sparse", "bs=1M", "iflag=skip_bytes,count_bytes", f"skip={partition.start}",
                f"count={partition.size}", f"if={self.image}", f"of={partition.file}")
            partition.folder.mkdir()
        boot, root, _ = self.partitions
        run("mcopy", "-s", "-i", boot.file, "::*", boot.folder)
        run("debugfs", "-R", f"rdump / {root.folder}", root.file)
        self.boot, self.root = boot.folder, root.folder

    def config(self):
        """The lines of config.txt by section filter; those before the first section belong to "all"."""
        section, lines = "all", {}
        for line in (self.boot / "config.txt").read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                lines.setdefault(section, []).append(line)
        return lines

    def overlays(self):
        """The overlays that the firmware applies on all boards, without parameters."""
        prefix = "dtoverlay="
        return [line.removeprefix(prefix).split(",")[0] for line in self.config()["all"] if line.startswith(prefix)]

    def command_line(self):
        (line,) = (self.boot / "cmdline.txt").read_text().splitlines()
        return line


@functools.cache
def card():
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Card(Path(folder.name))
