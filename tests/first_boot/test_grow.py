# SPDX-License-Identifier: MIT OR Apache-2.0
"""grow-data-partition with cards, here loop devices."""

import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from loop_card import MIB, require_loop_devices, run

FILES = Path(__file__).resolve().parents[2] / "recipes-core/grow-data-partition/files"
GROW = FILES / "grow-data-partition"
SECTOR = 512

# For a card of 64 MiB, the default of Card.make().
MBR = "label: dos\n start=1MiB, size=4MiB, type=c\n start=8MiB, size=16MiB, type=83\n"
GPT = MBR.replace("dos", "gpt").replace("type=c", "type=U").replace("type=83", "type=L")
DATA_LABEL = "mypoll-data"

# Replaces grow-ext4 where root may not grow a mounted file system, such as in a container.
UNMOUNTED_RESIZE = b"""#!/bin/sh
set -e
umount "$2"
fsck.ext4 -f -p "$1" >/dev/null || [ $? -eq 1 ]
resize2fs "$1" 2>/dev/null
mount "$1" "$2"
"""
CAP_SYS_RESOURCE = 24


def may_grow_mounted():
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1)


def setUpModule():
    require_loop_devices()


class Card(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image = self.folder / "card"
        self.mounted_at = self.folder / "data"
        self.mounted_at.mkdir()
        self.device = None
        self.addCleanup(self.remove)
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        if may_grow_mounted():
            run("cc", "-Wall", "-Werror", "-o", self.programs / "grow-ext4", FILES / "grow-ext4.c")
        else:
            self.replace("grow-ext4", UNMOUNTED_RESIZE)

    def replace(self, program, script):
        """Makes the tested script run `script` instead of `program`. Returns the previous script, if there was one."""
        path = self.programs / program
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(script)
        path.chmod(0o755)
        return before

    def make(self, table, size=64 * MIB, made_for=64 * MIB, number=2):
        """Creates a card with `table`, which was created on a disk of `made_for` bytes, and a file in the data partition."""
        self.number = number
        with self.image.open("wb") as file:
            file.truncate(made_for)
        run("sfdisk", "--quiet", self.image, input=table)
        with self.image.open("r+b") as file:
            file.truncate(size)
        self.insert()
        run("mkfs.ext4", "-q", "-b", "4096", "-L", DATA_LABEL, self.partition())
        self.mount()
        (self.mounted_at / "file").write_text("before", encoding="ascii")

    def insert(self):
        self.device = run("losetup", "--find", "--show", self.image)
        run("partx", "--add", self.device)

    def remove(self):
        if self.device:
            if os.path.ismount(self.mounted_at):
                run("umount", self.mounted_at)
            run("partx", "--delete", self.device)
            run("losetup", "--detach", self.device)
            self.device = None

    def partition(self):
        return f"{self.device}p{self.number}"

    def mount(self):
        run("mount", self.partition(), self.mounted_at)

    def boot(self, cut_at=None):
        """Runs the script like a boot. With `cut_at`, the power is cut when it starts that program."""
        self.remove()
        self.insert()
        self.mount()
        before = self.replace(cut_at, b'#!/bin/sh\nkill -KILL "$PPID"\n') if cut_at else None
        path = f"{self.programs}:{os.environ['PATH']}"
        ended = subprocess.run(
            [GROW, self.mounted_at], check=False, capture_output=True, text=True, env={**os.environ, "PATH": path}
        )
        if cut_at:
            (self.programs / cut_at).unlink()
            if before:
                self.replace(cut_at, before)
            self.assertEqual(ended.returncode, -signal.SIGKILL, f"{cut_at} was never started: {ended.stderr}")
        else:
            self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual((self.mounted_at / "file").read_text(encoding="ascii"), "before")
        return ended.stdout

    def sizes(self):
        """The data partition's size in bytes: by the partition table, the kernel and the file system."""
        table = run("partx", "--show", "--noheadings", "--output", "SECTORS", "--nr", str(self.number), self.device)
        kernel = Path(f"/sys/class/block/{Path(self.partition()).name}/size").read_text(encoding="ascii")
        superblock = run("dumpe2fs", "-h", self.partition())
        blocks = next(line for line in superblock.splitlines() if line.startswith("Block count:")).split()[-1]
        return int(table) * SECTOR, int(kernel) * SECTOR, int(blocks) * 4096

    def assert_grown(self, to):
        """The partition, which starts at 8 MiB, ends at `to`, less up to 2 MiB for alignment and GPT's backup."""
        for size in self.sizes():
            self.assertGreater(size + 8 * MIB, to - 2 * MIB)
            self.assertLessEqual(size + 8 * MIB, to)
        self.assert_clean()

    def assert_clean(self):
        self.remove()
        self.insert()
        run("fsck.ext4", "-f", "-n", self.partition())


class Grows(Card):
    def test_mbr(self):
        self.make(MBR)
        self.assertIn("Growing", self.boot())
        self.assert_grown(64 * MIB)

    def test_gpt_of_same_size(self):
        self.make(GPT)
        self.boot()
        self.assert_grown(64 * MIB)

    def test_gpt_of_a_smaller_image(self):
        self.make(GPT, size=128 * MIB)
        self.boot()
        self.assert_grown(128 * MIB)
        self.assertIn("No errors detected", run("sfdisk", "--verify", self.image))

    def test_other_partitions_are_unchanged(self):
        self.make(GPT, size=128 * MIB)
        before = run("sfdisk", "--dump", self.image)
        self.boot()
        after = run("sfdisk", "--dump", self.image)
        for table in before, after:
            self.assertIn("label: gpt", table)

        def first(table):
            return next(line for line in table.splitlines() if "card1 :" in line)

        self.assertEqual(first(before), first(after))

    def test_logical_partition_fills_the_extended_one(self):
        table = "label: dos\n start=1MiB, size=4MiB, type=c\n start=7MiB, size=24MiB, type=5\n"
        self.make(table + "5: start=8MiB, size=16MiB, type=83\n", number=5)
        self.boot()
        self.boot()
        self.assert_grown(31 * MIB)

    def test_second_boot_changes_nothing(self):
        self.make(MBR)
        self.boot()
        before = self.image.read_bytes()[:MIB]
        self.assertEqual(self.boot(), "")
        self.assertEqual(self.image.read_bytes()[:MIB], before)
        self.assert_grown(64 * MIB)

    def test_disk_larger_than_mbrs_limit(self):
        self.make(MBR)
        self.remove()
        try:
            os.truncate(self.image, 3 << 40)
        except OSError as error:
            self.skipTest(f"cannot create a sparse file of 3 TiB: {error.strerror}")
        # Growing the file system to 2 TiB is not tested.
        self.replace("grow-ext4", b"#!/bin/sh\n")
        self.assertIn("Growing", self.boot())
        self.assertEqual(self.boot(), "")
        table, kernel, _ = self.sizes()
        self.assertEqual(table, kernel)
        self.assertGreater(table + 8 * MIB, (2 << 40) - 2 * MIB)

    def test_larger_card_later(self):
        self.make(MBR)
        self.boot()
        self.remove()
        with self.image.open("r+b") as file:
            file.truncate(256 * MIB)
        self.insert()
        self.mount()
        self.boot()
        self.assert_grown(256 * MIB)


class Stays(Card):
    def test_card_is_full(self):
        self.make(MBR, size=24 * MIB)
        before = self.image.read_bytes()[:MIB]
        self.assertEqual(self.boot(), "")
        self.assertEqual(self.image.read_bytes()[:MIB], before)
        self.assert_grown(24 * MIB)

    def test_data_partition_is_not_last(self):
        self.make(MBR + " start=32MiB, size=8MiB, type=83\n")
        self.assertIn("not the disk's last partition", self.boot())
        self.assertEqual(set(self.sizes()), {16 * MIB})

    def test_data_partition_is_not_mounted(self):
        self.assertEqual(run(GROW, self.mounted_at), "")


class PowerCuts(Card):
    def test_before_the_table(self):
        self.cut("sfdisk")

    def test_after_the_table(self):
        self.cut("partx")

    def test_before_the_file_system(self):
        self.cut("grow-ext4")

    def cut(self, program):
        for table in MBR, GPT:
            with self.subTest(table=table.splitlines()[0]):
                self.make(table, size=128 * MIB)
                self.boot(cut_at=program)
                self.boot()
                self.assert_grown(128 * MIB)
                self.remove()
