# SPDX-License-Identifier: MIT OR Apache-2.0
"""The card's partitions are those of mypoll-sdcard.wks."""

import argparse
import shlex
import struct
import unittest
from pathlib import Path

from card import IMAGE, MIB, card, run
from sdcard import bmap
from sdcard.image import Image

(WKS,) = (Path(__file__).resolve().parents[2] / "files/wic").glob("mypoll-sdcard.wks*")
TYPES = {"vfat": "c", "ext4": "83"}
CHECKS = {"vfat": ("fsck.vfat", "-n"), "ext4": ("e2fsck", "-f", "-n")}

# 14 March 2015, 9:26:52, which mkfs.fat has for --invariant, as FAT has times.
INVARIANT = 0x466E4B5A


def wanted():
    """The lines `part` of the layout."""
    parser = argparse.ArgumentParser()
    for option in ("--source", "--ondisk", "--fstype", "--label", "--fsoptions", "--fsuuid", "--mkfs-extraopts"):
        parser.add_argument(option)
    parser.add_argument("--align", type=int)
    parser.add_argument("--fixed-size", type=int)
    parser.add_argument("--active", action="store_true")
    parser.add_argument("--use-uuid", action="store_true")
    parser.add_argument("mountpoint", nargs="?")
    lines = (shlex.split(line) for line in WKS.read_text().splitlines() if line.startswith("part "))
    return [parser.parse_args(line[1:]) for line in lines]


def identifier(fsuuid):
    """As blkid prints it."""
    return f"{fsuuid[2:6]}-{fsuuid[6:]}".upper() if fsuuid.startswith("0x") else fsuuid


class Partitions(unittest.TestCase):
    def pairs(self):
        self.assertEqual(len(card().partitions), len(wanted()))
        return zip(card().partitions, wanted())

    def test_layout(self):
        for found, part in self.pairs():
            with self.subTest(label=part.label):
                self.assertEqual(found.type, TYPES[part.fstype])
                self.assertEqual(found.active, part.active)
                self.assertEqual(found.start % (part.align * 1024), 0)
                if part.fixed_size:
                    self.assertEqual(found.size, part.fixed_size * MIB)

    def test_file_systems(self):
        for found, part in self.pairs():
            with self.subTest(label=part.label):
                superblock = found.superblock(card().image)
                self.assertEqual(superblock["TYPE"], part.fstype)
                self.assertEqual(superblock["LABEL"], part.label)
                self.assertEqual(superblock["UUID"], identifier(part.fsuuid))

    def test_file_systems_are_clean(self):
        for found, part in self.pairs():
            with self.subTest(label=part.label):
                run(*CHECKS[part.fstype], found.file)

    def test_journals_are_in_the_block_map(self):
        # What is not stays on a used card, and after a power cut the old journal's end would be replayed with the new one.
        mapped = bmap.read(bmap.find(IMAGE)).ranges
        for found, part in self.pairs():
            if part.fstype != "ext4":
                continue
            with self.subTest(label=part.label):
                with found.file.open("rb") as file:
                    file.seek(1024 + 24)
                    size = 1024 << int.from_bytes(file.read(4), "little")
                journal = [found.start + int(block) * size for block in run("debugfs", "-R", "blocks <8>", found.file).split()]
                self.assertGreaterEqual(len(journal), 1024)
                holes = [at for at in journal if not any(part.start <= at and at + size <= part.end for part in mapped)]
                self.assertEqual(holes, [])

    def test_two_builds_have_the_same_label(self):
        # The first entry of FAT16's root directory, which says when mkfs.fat was run unless it was told not to.
        with card().partitions[0].file.open("rb") as boot:
            sector, reserved, tables, length = struct.unpack("<11xHxHB5xH", boot.read(24))
            boot.seek((reserved + tables * length) * sector)
            label, made, written = struct.unpack("<11s3xI4xI", boot.read(26))
        self.assertEqual(label.rstrip(), b"boot")
        self.assertEqual((made, written), (INVARIANT, INVARIANT))

    def test_kernel_finds_the_root(self):
        (number,) = (found.number for found, part in self.pairs() if part.mountpoint == "/")
        arguments = card().command_line().split()
        self.assertIn(f"root=PARTUUID={card().disk_id}-{number:02}", arguments)
        self.assertIn("rootwait", arguments)

    def test_block_map(self):
        # An image that is not what its map says is refused.
        content = Image(IMAGE).content(bmap.read(bmap.find(IMAGE)))
        self.assertEqual(content.size, card().image.stat().st_size)
        self.assertLess(content.mapped, content.size)
