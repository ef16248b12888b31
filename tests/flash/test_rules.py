# SPDX-License-Identifier: MIT OR Apache-2.0
"""The rules of scripts/flash for devices, by lsblk's output, and for block maps. No device is needed."""

import tempfile
import unittest
from pathlib import Path

from sdcard import Refusal, bmap, device

SD_IN_A_USB_READER = {
    "path": "/dev/sdb",
    "kname": "sdb",
    "pkname": None,
    "type": "disk",
    "size": 31914983424,
    "ro": False,
    "hotplug": True,
    "fstype": None,
    "mountpoints": [None],
}
NVME = {**SD_IN_A_USB_READER, "path": "/dev/nvme0n1", "hotplug": False}
PARTITION = {**SD_IN_A_USB_READER, "path": "/dev/sdb1", "pkname": "sdb", "type": "part"}


class Devices(unittest.TestCase):
    def refusal(self, facts, soldered=False, allow_fixed=False, **changes):
        return device.refusal({**facts, **changes}, soldered, allow_fixed)

    def test_cards_are_accepted(self):
        self.assertIsNone(self.refusal(SD_IN_A_USB_READER))
        self.assertIsNone(self.refusal(SD_IN_A_USB_READER, children=[{**PARTITION, "fstype": "vfat"}]))

    def test_built_in_disks_need_the_option(self):
        for soldered, facts in ((False, NVME), (True, SD_IN_A_USB_READER)):
            self.assertIn("is not removable", self.refusal(facts, soldered))
            self.assertIsNone(self.refusal(facts, soldered, allow_fixed=True))

    def test_no_card_in_the_reader(self):
        self.assertEqual(self.refusal(SD_IN_A_USB_READER, size=0), "no card in /dev/sdb")

    def test_devices_in_use_are_refused_even_with_the_option(self):
        mounted = {**PARTITION, "mountpoints": ["/media/a"]}
        volume = {**PARTITION, "path": "/dev/mapper/vg-root", "type": "lvm", "mountpoints": [None]}
        array = {**PARTITION, "path": "/dev/md0", "type": "raid1"}
        for children, expected in (
            ([mounted], "/dev/sdb1 is mounted at /media/a: umount /dev/sdb1 first"),
            ([mounted, {**PARTITION, "path": "/dev/sdb2", "mountpoints": ["/srv", "/"]}], "/dev/sdb2 is mounted at / and contains"),
            ([{**PARTITION, "mountpoints": ["[SWAP]"]}], "/dev/sdb1 is swap space"),
            ([{**PARTITION, "children": [{**volume, "mountpoints": ["/"]}]}], "/dev/mapper/vg-root is mounted at / and contains"),
            ([{**PARTITION, "children": [volume]}], "/dev/sdb1 is a part of /dev/mapper/vg-root (lvm)"),
            ([array], "/dev/sdb is a part of /dev/md0 (raid1)"),
            ([{**PARTITION, "fstype": "LVM2_member"}], "/dev/sdb1 is a member of an array or volume group (LVM2_member)"),
        ):
            with self.subTest(expected):
                self.assertIn(expected, self.refusal(SD_IN_A_USB_READER, allow_fixed=True, children=children))

    def test_only_whole_disks(self):
        self.assertIn("use the whole card, /dev/sdb", self.refusal(PARTITION))
        self.assertIn("its type is lvm", self.refusal(SD_IN_A_USB_READER, type="lvm"))
        self.assertIn("its type is rom", self.refusal(SD_IN_A_USB_READER, type="rom"))


class BlockMaps(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.bmap"
            path.write_text(text, encoding="utf-8")
            return bmap.read(path)

    def map(self, ranges, checksum="<ChecksumType> sha256 </ChecksumType>"):
        return self.read(
            f'<?xml version="1.0" ?><bmap version="2.0"><ImageSize> 10000 </ImageSize><BlockSize> 4096 </BlockSize>'
            f"{checksum}<BlockMap>{ranges}</BlockMap></bmap>"
        )

    def test_ranges_in_bytes(self):
        found = self.map('<Range chksum="AB"> 0 </Range><Range> 1-2 </Range>')
        self.assertEqual(found.ranges, (bmap.Range(0, 4096, "ab"), bmap.Range(4096, 10000)))

    def test_version_1_defaults_to_sha1(self):
        found = self.map('<Range sha1="ab"> 0 </Range>', checksum="")
        self.assertEqual((found.algorithm, found.ranges[0].checksum), ("sha1", "ab"))

    def test_not_a_block_map(self):
        for text in ("", "<bmap/>", "<bmap><ImageSize> x </ImageSize></bmap>", '<?xml version="1.0" encoding="none"?><bmap/>'):
            with self.subTest(text), self.assertRaisesRegex(Refusal, "x.bmap is not a block map"):
                self.read(text)

    def test_invalid_ranges(self):
        backwards, overlapping = "<Range> 1 </Range><Range> 0 </Range>", "<Range> 0-1 </Range><Range> 1 </Range>"
        for ranges in ("", backwards, overlapping, "<Range> 9 </Range>"):
            with self.subTest(ranges), self.assertRaisesRegex(Refusal, "its ranges are invalid"):
                self.map(ranges)
        with self.assertRaisesRegex(Refusal, "x.bmap is not a block map"):
            self.map("<Range/>")

    def test_checksum_without_a_fixed_length(self):
        with self.assertRaisesRegex(Refusal, "x.bmap is not a block map"):
            self.map("<Range> 0 </Range>", checksum="<ChecksumType> shake_128 </ChecksumType>")

    def test_unknown_checksum(self):
        with self.assertRaisesRegex(Refusal, "unsupported hash type"):
            self.map("<Range> 0 </Range>", checksum="<ChecksumType> crc7 </ChecksumType>")

    def test_found_beside_the_image(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            self.assertIsNone(bmap.find(folder / "a.wic.zst"))
            (folder / "a.wic.bmap").touch()
            self.assertEqual(bmap.find(folder / "a.wic.zst"), folder / "a.wic.bmap")
            self.assertEqual(bmap.find(folder / "a.wic"), folder / "a.wic.bmap")
            (folder / "a.wic.zst.bmap").touch()
            self.assertEqual(bmap.find(folder / "a.wic.zst"), folder / "a.wic.zst.bmap")
