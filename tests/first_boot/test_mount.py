# SPDX-License-Identifier: MIT OR Apache-2.0
"""What mount-data-partition makes of data partitions, which are loop devices here."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from loop_card import MIB, require_loop_devices, run

MOUNT = Path(__file__).resolve().parents[2] / "recipes-core/data-partition/files/mount-data-partition"
# Not the real one, which a card in this machine's reader may have.
LABEL = f"data-{os.getpid()}"


def setUpModule():
    require_loop_devices()


class DataPartition(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image, self.data, self.lib = (self.folder / name for name in ("image", "data", "lib"))
        self.data.mkdir()
        (self.lib / "service").mkdir(parents=True)
        (self.lib / "service/state").write_text("the image's", encoding="ascii")
        with self.image.open("wb") as file:
            file.truncate(8 * MIB)
        self.device = run("losetup", "--find", "--show", self.image)
        self.addCleanup(run, "losetup", "--detach", self.device)
        self.addCleanup(self.unmount)

    def make(self, label=LABEL):
        run("mkfs.ext4", "-q", "-b", "1024", "-L", label, self.device)

    def unmount(self):
        for place in (self.lib, self.data):
            subprocess.run(["umount", place], check=False, stderr=subprocess.DEVNULL)

    def boot(self, status, says):
        self.unmount()
        ended = subprocess.run([MOUNT, LABEL, self.data, self.lib], check=False, capture_output=True, text=True)
        said = ended.stdout + ended.stderr
        self.assertEqual(ended.returncode, status, said)
        self.assertIn(says, said)

    def state(self):
        return (self.lib / "service/state").read_text(encoding="ascii")

    def test_what_is_written_lasts(self):
        self.make()
        self.boot(0, "")
        self.assertEqual(self.state(), "the image's")
        (self.lib / "service/state").write_text("new", encoding="ascii")
        self.boot(0, "")
        self.assertEqual(self.state(), "new")
        self.unmount()
        self.assertEqual(self.state(), "the image's")

    def test_none(self):
        self.make("another")
        self.boot(0, "There is no data partition")
        self.assertFalse(os.path.ismount(self.data))
        self.assertEqual(self.state(), "the image's")

    def test_damaged(self):
        self.make()
        # The group descriptors follow the superblock.
        with open(self.device, "r+b") as device:
            device.seek(2048)
            device.write(b"\xff" * 1024)
        self.boot(1, "The data partition can't be mounted")
        self.assertEqual(self.state(), "the image's")

    def test_full(self):
        (self.lib / "large").write_bytes(bytes(9 * MIB))
        self.make()
        self.boot(1, f"The data partition can't hold {self.lib}")
        self.assertEqual(os.listdir(self.data), ["lost+found"])
        self.assertEqual(self.state(), "the image's")

    def test_power_cut_while_it_is_copied(self):
        self.make()
        run("mount", self.device, self.data)
        (self.data / "lib.new/half").mkdir(parents=True)
        self.boot(0, "")
        self.assertEqual(os.listdir(self.lib), ["service"])
