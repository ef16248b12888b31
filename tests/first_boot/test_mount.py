# SPDX-License-Identifier: MIT OR Apache-2.0
"""mount-data-partition with data partitions, here loop devices."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from loop_card import MIB, require_loop_devices, run

MOUNT = Path(__file__).resolve().parents[2] / "recipes-core/data-partition/files/mount-data-partition"
# Unique: a card in this machine's reader may have the real label.
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
        # Stands for the root disk's folder in /sys: the device is its only partition.
        self.disk = self.folder / "disk"
        self.partition = self.disk / Path(self.device).name
        self.partition.mkdir(parents=True)
        (self.partition / "partition").touch()

    def make(self, label=LABEL):
        run("mkfs.ext4", "-q", "-b", "1024", "-L", label, self.device)

    def unmount(self):
        for place in (self.lib, self.data):
            subprocess.run(["umount", place], check=False, stderr=subprocess.DEVNULL)

    def boot(self, status, says):
        self.unmount()
        ended = subprocess.run([MOUNT, LABEL, self.data, self.lib, self.disk], check=False, capture_output=True, text=True)
        output = ended.stdout + ended.stderr
        self.assertEqual(ended.returncode, status, output)
        self.assertIn(says, output)
        return output

    def state(self):
        return (self.lib / "service/state").read_text(encoding="ascii")

    def test_data_is_persistent(self):
        self.make()
        self.boot(0, "")
        self.assertEqual(self.state(), "the image's")
        (self.lib / "service/state").write_text("new", encoding="ascii")
        self.boot(0, "")
        self.assertEqual(self.state(), "new")
        self.unmount()
        self.assertEqual(self.state(), "the image's")

    def test_no_data_partition(self):
        self.make("another")
        self.boot(0, "No data partition")
        self.assertFalse(os.path.ismount(self.data))
        self.assertEqual(self.state(), "the image's")

    def test_data_partition_of_another_disk_is_ignored(self):
        self.make()
        (self.partition / "partition").unlink()
        self.boot(0, "No data partition")
        self.assertFalse(os.path.ismount(self.data))

    def test_mounted_without_devices_and_setuid(self):
        self.make()
        self.boot(0, "")
        options = run("findmnt", "--noheadings", "--output", "OPTIONS", self.data).split(",")
        self.assertLessEqual({"nosuid", "nodev", "noatime"}, set(options))

    def test_damage_is_repaired(self):
        self.make()
        self.boot(0, "")
        (self.lib / "service/state").write_text("new", encoding="ascii")
        self.unmount()
        run("debugfs", "-w", "-R", "clri /lib", self.device)
        # The error flag that the kernel sets when it finds damage.
        run("debugfs", "-w", "-R", "set_super_value state 2", self.device)
        self.boot(0, "The data partition is damaged: repairing it")
        self.assertEqual(self.state(), "the image's")
        (found,) = (self.data / "lost+found").iterdir()
        self.assertEqual((found / "state").read_text(encoding="ascii"), "new")

    def test_journal_recovery_is_not_reported(self):
        self.make()
        self.boot(0, "")
        self.unmount()
        run("debugfs", "-w", "-R", "set_super_value state 0", self.device)
        self.assertNotIn("damaged", self.boot(0, ""))

    def test_damage_beyond_repair(self):
        self.make()
        # Keep only the superblock, for blkid.
        with open(self.device, "r+b") as device:
            device.seek(2048)
            device.write(b"\xff" * (8 * MIB - 2048))
        self.boot(1, "Cannot repair the data partition")
        self.assertEqual(self.state(), "the image's")

    def test_newer_image_adds_a_directory(self):
        self.make()
        self.boot(0, "")
        (self.lib / "service/state").write_text("new", encoding="ascii")
        self.unmount()
        (self.lib / "another").mkdir()
        (self.lib / "another/state").write_text("the image's", encoding="ascii")
        self.boot(0, "")
        self.assertEqual((self.lib / "another/state").read_text(encoding="ascii"), "the image's")
        self.assertEqual(self.state(), "new")

    def test_newer_image_adds_a_subdirectory(self):
        (self.lib / "service/removed").touch()
        self.make()
        self.boot(0, "")
        (self.lib / "service/removed").unlink()
        self.unmount()
        new = self.lib / "service/new"
        (new / "below").mkdir(parents=True)
        (new / "state").touch()
        new.chmod(0o2710)
        os.chown(new, 807, 821)
        before = new.stat()
        self.boot(0, "")
        kept = (self.data / "lib/service/new").stat()
        self.assertEqual((kept.st_mode, kept.st_uid, kept.st_gid), (before.st_mode, 807, 821))
        self.assertEqual(sorted(os.listdir(self.lib / "service")), ["new", "state"])
        self.assertEqual(sorted(os.listdir(self.lib / "service/new")), ["below", "state"])

    def test_symbolic_link_is_not_followed(self):
        (self.folder / "elsewhere").mkdir()
        (self.lib / "link").symlink_to(self.folder / "elsewhere")
        self.make()
        self.boot(0, "")
        self.unmount()
        (self.lib / "link").unlink()
        (self.lib / "link/below").mkdir(parents=True)
        self.boot(0, "")
        self.assertEqual(os.listdir(self.folder / "elsewhere"), [])

    def test_no_space_for_the_copy(self):
        (self.lib / "large").write_bytes(bytes(9 * MIB))
        self.make()
        self.boot(1, f"Cannot copy {self.lib} to the data partition")
        self.assertEqual(os.listdir(self.data), ["lost+found"])
        self.assertEqual(self.state(), "the image's")

    def test_power_cut_while_copying(self):
        self.make()
        run("mount", self.device, self.data)
        (self.data / "lib.new/half").mkdir(parents=True)
        self.boot(0, "")
        self.assertEqual(os.listdir(self.lib), ["service"])
