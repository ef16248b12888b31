# SPDX-License-Identifier: MIT OR Apache-2.0
"""The card's partitions match mypoll-sdcard.wks."""

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

# 14 March 2015, 9:26:52, in FAT's format: the time that mkfs.fat --invariant uses.
INVARIANT = 0x466E4B5A


def expected_parts():
    """The parsed `part` lines of the layout."""
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
    """A UUID as blkid prints it."""
    return f"{fsuuid[2:6]}-{fsuuid[6:]}".upper() if fsuuid.startswith("0x") else fsuuid


class Partitions(unittest.TestCase):
    def pairs(self):
        self.assertEqual(len(card().partitions), len(expected_parts()))
        return zip(card().partitions, expected_parts())

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
        # Unmapped blocks would keep old data on a used card: after a power cut, the end of an old journal would be replayed, too.
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

    def test_boot_label_has_no_build_time(self):
        # The label's entry, the first one of FAT16's root directory. Without --invariant it has the time of mkfs.fat.
        with card().partitions[0].file.open("rb") as boot:
            sector, reserved, tables, length = struct.unpack("<11xHxHB5xH", boot.read(24))
            boot.seek((reserved + tables * length) * sector)
            label, created, written = struct.unpack("<11s3xI4xI", boot.read(26))
        self.assertEqual(label.rstrip(), b"boot")
        self.assertEqual((created, written), (INVARIANT, INVARIANT))

    def test_kernel_finds_the_root(self):
        (number,) = (found.number for found, part in self.pairs() if part.mountpoint == "/")
        arguments = card().command_line().split()
        self.assertIn(f"root=PARTUUID={card().disk_id}-{number:02}", arguments)
        self.assertIn("rootwait", arguments)

    def test_block_map(self):
        # content() raises an exception if the image does not match its map.
        content = Image(IMAGE).content(bmap.read(bmap.find(IMAGE)))
        self.assertEqual(content.size, card().image.stat().st_size)
        self.assertLess(content.mapped, content.size)
