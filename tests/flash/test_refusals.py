# SPDX-License-Identifier: MIT OR Apache-2.0
"""Images and devices that scripts/flash refuses: not one byte of the card, a loop device, changes."""

import fcntl
import os
import re
import struct
import subprocess
from pathlib import Path
from unittest import mock

from loop_card import CARD_SIZE, IMAGE_SIZE, MIB, CardTest, require_loop_devices, run
from sdcard import device


def setUpModule():
    require_loop_devices()


class Images(CardTest):
    def tearDown(self):
        self.assert_untouched()

    def damage(self, path, at):
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))

    def test_image_differs_from_its_block_map(self):
        self.damage(self.image, 5 * MIB)
        self.flash(status=1, says=f"does not match {self.bmap}: the checksum of bytes {4 * MIB} to {14 * MIB - 1} differs")

    def test_truncated_compressed_file(self):
        run("zstd", self.image)
        packed = self.folder / "test.wic.zst"
        os.truncate(packed, 5 * MIB)
        self.flash(image=packed, status=1, says="test.wic.zst is damaged: ")

    def test_damaged_compressed_file(self):
        self.bmap.unlink()
        run("gzip", self.image)
        packed = self.folder / "test.wic.gz"
        self.damage(packed, 5 * MIB)
        self.flash(image=packed, status=1, says="test.wic.gz is damaged: ")

    def test_image_size_differs_from_the_block_map(self):
        os.truncate(self.image, 18 * MIB)
        self.flash(status=1, says=f"has {18 * MIB} bytes, but {self.bmap} is for an image of {IMAGE_SIZE}")

    def test_data_that_the_block_map_omits(self):
        # The map of another image, without checksums.
        run("bmaptool", "create", "--no-checksum", "--output", self.bmap, self.image)
        self.damage(self.image, 15 * MIB)
        self.flash(status=1, says=f"does not match {self.bmap}: the map omits bytes {14 * MIB} to {IMAGE_SIZE - 4097}")

    def test_not_a_disk_image(self):
        self.image.write_bytes(bytes(MIB))
        self.bmap.unlink()
        self.flash(status=1, says="is not a disk image: it has no partition table")

    def test_truncated_image(self):
        # Uncompressed and without a block map: only the partition table has the size.
        self.bmap.unlink()
        for table in ("label: dos\nstart=2048, type=c", "label: dos\nstart=2048, type=5", "label: gpt\nstart=2048"):
            with self.subTest(table):
                self.image.write_bytes(bytes(IMAGE_SIZE))
                run("sfdisk", "--quiet", self.image, input=table)
                os.truncate(self.image, IMAGE_SIZE - MIB)
                self.flash(status=1, says=f"is truncated: it has {IMAGE_SIZE - MIB} bytes, but its partition table ends at {IMAGE_SIZE}")

    def test_no_image(self):
        self.flash(image=self.folder / "none.wic", status=1, says="none.wic does not exist")
        self.flash(image=self.folder, status=1, says="is not a file")

    def test_invalid_block_map(self):
        self.bmap.write_text("<bmap>", encoding="utf-8")
        self.flash(status=1, says="test.wic.bmap is not a block map: ")
        self.flash("--bmap", self.folder / "none", status=1, says="none can't be read: No such file")

    def test_block_map_that_bmaptool_rejects(self):
        text = self.bmap.read_bytes()
        checksum = re.search(rb"<BmapFileChecksum> (\w+) ", text)[1]
        for name, changed, says in (
            ("CRLF", text.replace(b"\n", b"\r\n"), "checksum mismatch for bmap file"),
            ("byte order mark", b"\xef\xbb\xbf" + text, "checksum mismatch for bmap file"),
            ("its own checksum", text.replace(checksum, b"0" * 64), "checksum mismatch for bmap file"),
            ("version", text.replace(b'version="2.0"', b'version="3.0"'), "has format version 3.0"),
            ("count", re.sub(rb"(?<=<BlocksCount> )\d+", b"7", text), "Inconsistent bmap"),
        ):
            with self.subTest(name):
                self.assertNotEqual(changed, text)
                self.bmap.write_bytes(changed)
                self.flash(status=1, says=says)

    def test_signature_that_cannot_be_verified(self):
        # bmaptool finds it beside the block map.
        self.bmap.with_name("test.wic.bmap.asc").write_text("no signature", encoding="ascii")
        self.flash(status=1, says="bmaptool rejects")

    def test_bmaptool_that_does_not_start(self):
        self.replace("bmaptool", "echo 'no module named six' >&2; exit 1")
        self.flash(status=1, says="no module named six")

    def test_missing_programs(self):
        packed = self.folder / "test.wic.zst"
        packed.touch()
        (self.folder / "bin").mkdir()
        for program in ("python3", "bmaptool", "lsblk", "env"):
            (self.folder / "bin" / program).symlink_to(run("sh", "-c", f"command -v {program}"))
        only = {**os.environ, "PATH": str(self.folder / "bin")}
        flash = subprocess.run(self.command(image=packed), check=False, capture_output=True, text=True, env=only)
        self.assertIn("zstd is not installed", flash.stderr)
        self.assertEqual(flash.returncode, 1)
        (self.folder / "bin/bmaptool").unlink()
        flash = subprocess.run(self.command(), check=False, capture_output=True, text=True, env=only)
        self.assertIn("apt install bmap-tools", flash.stderr)
        self.assertEqual(flash.returncode, 1)


class Devices(CardTest):
    def file_system(self, device):
        """Creates a file system, and returns a folder to mount it on."""
        run("mkfs.ext4", "-q", "-F", device)
        place = self.folder / "mnt"
        place.mkdir()
        return place

    def partitioned(self):
        """Creates a partition table with one partition, which starts at 1 MiB."""
        entry = struct.pack("<B3xB3xII", 0, 0x83, 2048, (CARD_SIZE - MIB) // 512)
        with open(self.device, "r+b") as card:
            card.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
        return self.device

    def test_too_small(self):
        device = self.card(IMAGE_SIZE - 512)
        self.flash(device=device, status=1, says=f"too small: it has {IMAGE_SIZE - 512} bytes, the image {IMAGE_SIZE}")
        self.assert_untouched()

    def test_not_removable(self):
        flash = subprocess.run(self.command("--yes"), check=False, capture_output=True, text=True, env=self.environment())
        self.assertEqual(flash.returncode, 1)
        self.assertIn(f"{self.device} is not removable: add --fixed", flash.stderr)
        self.assert_untouched()

    def test_write_protected(self):
        self.flash(device=self.card(CARD_SIZE, "--read-only"), status=1, says="is write-protected")
        self.assert_untouched()

    def test_empty_reader(self):
        os.truncate(self.backing, 0)
        run("losetup", "--set-capacity", self.device)
        self.flash(status=1, says=f"no card in {self.device}")

    def test_mounted(self):
        place = self.file_system(self.device)
        run("mount", self.device, place)
        self.addCleanup(run, "umount", place)
        self.flash(status=1, says=f"is mounted at {place}: umount {self.device} first")

    def test_mounted_in_another_mount_namespace(self):
        place = self.file_system(self.device)
        holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"mount {self.device} {place} && echo mounted && read -r _"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(holder.communicate)
        self.assertEqual(holder.stdout.readline(), b"mounted\n")
        self.flash(status=1, says=f"{self.device} is not writable: Device or resource busy")

    def test_mounted_partition(self):
        run("partx", "--add", "--nr", "1", self.partitioned())
        self.addCleanup(run, "partx", "--delete", self.device)
        partition = f"{self.device}p1"
        place = self.file_system(partition)
        run("mount", partition, place)
        self.addCleanup(run, "umount", place)
        self.flash(status=1, says=f"{partition} is mounted at {place}: umount {partition} first")
        self.flash(device=partition, status=1, says=f"is a partition: use the whole card, {self.device}")

    def test_swap(self):
        run("mkswap", self.device)
        run("swapon", self.device)
        self.addCleanup(run, "swapoff", self.device)
        self.flash(status=1, says=f"is swap space: swapoff {self.device} first")

    def test_locked_by_another_program(self):
        with open(self.device, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.flash(status=1, says=f"{self.device} is in use by another program")
        self.assert_untouched()

    def test_lock_that_is_released(self):
        # Like udev's, which locks a new card while it examines it.
        with open(self.device, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with (
                mock.patch.object(device.time, "sleep", lambda _: fcntl.flock(lock, fcntl.LOCK_UN)),
                device.Device(Path(self.device)).claimed(),
                self.assertRaises(BlockingIOError),
            ):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_writable_descriptors_are_closed_only_while_locked(self):
        # When one is closed, udev would lock and examine the disk.
        states = []

        def close(fd, really=os.close):
            if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
                with open(self.device, "rb") as other:
                    try:
                        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
                        states.append("free")
                    except BlockingIOError:
                        states.append("locked")
            really(fd)

        claim = device.Device(Path(self.device)).claimed()
        with mock.patch.object(device.os, "close", close), claim:
            self.assertEqual(states, ["locked"])

    def test_the_system_disk(self):
        root = run("findmnt", "--noheadings", "--output", "SOURCE", "/")
        disk = run("lsblk", "--noheadings", "--nodeps", "--output", "PKNAME", root) if os.path.exists(root) else ""
        disk = f"/dev/{disk}" if disk else root
        if not re.fullmatch(r"/dev/(sd|vd|nvme|mmcblk)\w+", disk):
            self.skipTest(f"the root file system is on {disk}")
        # Without --yes and a terminal nothing is written, even if this test fails.
        flash = subprocess.run(
            self.command("--fixed", device=disk), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        self.assertEqual(flash.returncode, 1)
        self.assertRegex(flash.stderr, r"is mounted at \S+ and contains the running system: choose another device")

    def test_no_device(self):
        self.flash(device=self.folder / "none", status=1, says="none does not exist: lsblk lists devices")
        self.flash(device=self.image, status=1, says="is not a block device")
        self.flash(device="/dev/null", status=1, says="is not a block device")

    def test_not_permitted(self):
        # A user who sees the device but may not write to it.
        command = ["setpriv", "--reuid=65534", "--clear-groups", *self.command("--yes", "--fixed")]
        self.folder.chmod(0o755)
        for path in (self.image, self.bmap):
            path.chmod(0o644)
        flash = subprocess.run(command, check=False, capture_output=True, text=True)
        if "Permission denied" in flash.stderr and "sudo" not in flash.stderr:
            self.skipTest("other users may not read this checkout")
        self.assertEqual(flash.returncode, 1, flash.stderr)
        self.assertIn("Permission denied; try sudo", flash.stderr)
        self.assert_untouched()
