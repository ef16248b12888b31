# SPDX-License-Identifier: MIT OR Apache-2.0
"""scripts/flash writes images to loop devices."""

import os
import pty
import subprocess
from pathlib import Path

from loop_card import CARD_SIZE, DATA, IMAGE_SIZE, MIB, OLD, CardTest, require_loop_devices, run
from sdcard import bmap, device
from sdcard.image import Image
from sdcard.units import size_text


def setUpModule():
    require_loop_devices()


class Formats(CardTest):
    def packed(self, program, suffix):
        run(program, "--fast", "--keep", self.image)
        return self.image.with_name(self.image.name + suffix)

    def test_wic(self):
        self.flash(status=0, says="were read back and verified")
        self.assert_written()

    def test_wic_gz(self):
        self.flash(image=self.packed("gzip", ".gz"), status=0, says="contains the image")
        self.assert_written()

    def test_wic_bz2(self):
        self.flash(image=self.packed("bzip2", ".bz2"), status=0, says="contains the image")
        self.assert_written()

    def test_wic_xz(self):
        self.flash(image=self.packed("xz", ".xz"), status=0, says="contains the image")
        self.assert_written()

    def test_wic_zst(self):
        self.flash(image=self.packed("zstd", ".zst"), status=0, says="contains the image")
        self.assert_written()

    def test_names_that_bmaptool_would_misinterpret(self):
        # As an option, or as a format by the suffix.
        packed = self.packed("gzip", ".gz").read_bytes()
        for name in ("-x.wic.gz", "x.tar.gz", "--help.gz", "with space, 'quote' and %s.gz", "http:x.gz", "\udcff.gz"):
            with self.subTest(name):
                image, block_map = self.folder / name, self.folder / f"{name}.bmap"
                image.write_bytes(packed)
                block_map.write_bytes(self.bmap.read_bytes())
                self.device = self.card(CARD_SIZE)
                self.flash("--", image=name, status=0, says="contains the image", cwd=self.folder)
                block_map.unlink()
                self.flash("--", image=name, status=0, says="contains the image", cwd=self.folder)
        for name in ("x.lz4", "x.zip"):
            with self.subTest(name):
                self.device = self.card(CARD_SIZE)
                self.image.rename(self.folder / name)
                self.image = self.folder / name
                self.flash(status=0, says="contains the image")

    def test_symbolic_links_to_images(self):
        for program, suffix in (("gzip", ".gz"), ("bzip2", ".bz2"), ("xz", ".xz"), ("zstd", ".zst")):
            with self.subTest(program):
                link = self.folder / f"link.wic{suffix}"
                link.symlink_to(self.packed(program, suffix))
                self.flash("--bmap", self.bmap, image=link, status=0, says="contains the image")
                self.assert_written()

    def test_card_whose_label_is_not_utf_8(self):
        # Windows writes such labels with umlauts to FAT; lsblk prints udev's bytes as they are.
        self.replace("lsblk", """$REAL "$@" | sed 's/"label": *null/"label":"M\\x9aller"/'""")
        self.flash(status=0, says="contains the image")

    def test_without_a_block_map(self):
        self.bmap.unlink()
        self.flash(image=self.packed("zstd", ".zst"), status=0, says="16.8 MB, 16.8 MB of data")
        self.assert_written()

    def test_block_map_elsewhere(self):
        elsewhere = self.bmap.rename(self.folder / "map")
        self.flash("--bmap", elsewhere, status=0, says="contains the image")
        self.assert_written()

    def test_block_map_without_checksums(self):
        run("bmaptool", "create", "--no-checksum", "--output", self.bmap, self.image)
        self.flash(status=0, says="contains the image")
        self.assert_written()

    def test_card_as_large_as_the_image(self):
        device = self.card(self.image.stat().st_size)
        self.flash(device=device, status=0, says="contains the image")


class ClosedStderr(CardTest):
    def test_exit_status_stays_0(self):
        reader, writer = os.pipe()
        os.close(reader)
        flash = subprocess.run(self.command("--yes", "--fixed"), check=False, stderr=writer, env=self.environment())
        os.close(writer)
        self.assertEqual(flash.returncode, 0)
        self.assert_written()


class Zeros(CardTest):
    """Ranges that the block map omits are zero in the image."""

    def dig_holes(self):
        """Turns zeros into holes, like `cp --sparse=always`, and creates the block map of the result."""
        run("fallocate", "--dig-holes", self.image)
        run("bmaptool", "create", "--output", self.bmap, self.image)

    def test_fat(self):
        fat = self.folder / "fat"
        run("mkfs.vfat", "-C", fat, str((IMAGE_SIZE - MIB) // 1024))
        with self.image.open("r+b") as image:
            image.seek(MIB)
            image.write(fat.read_bytes())
        self.dig_holes()
        self.flash(status=0, says=f"{size_text(IMAGE_SIZE)} were read back and verified")
        self.assert_written()
        fat.write_bytes(self.backing.read_bytes()[MIB:IMAGE_SIZE])
        run("fsck.vfat", "-n", fat)

    def test_file_of_zeros(self):
        # ext4 allocates blocks for it, as for its journal.
        root = self.folder / "ext4"
        root.write_bytes(bytes(IMAGE_SIZE - MIB))
        run("mkfs.ext4", "-q", "-O", "^has_journal", root)
        zeros = self.folder / "zeros"
        zeros.write_bytes(bytes(MIB))
        run("debugfs", "-w", "-R", f"write {zeros} zeros", root)
        with self.image.open("r+b") as image:
            image.seek(MIB)
            image.write(root.read_bytes())
        self.dig_holes()
        self.flash(status=0, says="contains the image")
        self.assert_written()

    def test_zeros_on_the_card_are_not_rewritten(self):
        # A written zero would fill a hole of the backing file.
        os.truncate(self.backing, 0)
        os.truncate(self.backing, CARD_SIZE)
        self.flash(status=0, says="contains the image")
        self.assertTrue(self.backing.read_bytes() == self.image.read_bytes() + bytes(CARD_SIZE - IMAGE_SIZE))
        self.assertLess(self.backing.stat().st_blocks * 512, sum(end - start for start, end in DATA) + MIB)

    def test_gaps_are_cleared_and_verified(self):
        content = Image(self.image).content(bmap.read(self.bmap))
        card = device.Device(Path(self.device))
        run("bmaptool", "copy", "--bmap", self.bmap, self.image, self.device)
        with card.claimed():
            with self.assertRaisesRegex(device.Different, f"bytes {MIB} to {4 * MIB - 1} differ from the image"):
                card.verify(content)
            card.clear(content.gaps)
            card.verify(content)


class Confirmation(CardTest):
    def answer(self, answer):
        """Runs scripts/flash on a terminal, and answers its question."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal:
            flash = subprocess.Popen(
                self.command("--fixed"), stdin=theirs, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self.environment()
            )
            os.close(theirs)
            terminal.write(answer)
            stderr = flash.communicate()[1].decode()
        self.assertIn(f"All data on {self.device} will be lost. Write?", stderr)
        self.assertIn("16.8 MB", stderr)
        self.assertIn("21.0 MB", stderr)
        return flash.returncode, stderr

    def test_yes(self):
        self.assertEqual(self.answer(b"y\n")[0], 0)
        self.assert_written()

    def test_no(self):
        status, stderr = self.answer(b"n\n")
        self.assertEqual(status, 1)
        self.assertIn("not confirmed. Nothing was written", stderr)
        self.assert_untouched()

    def test_card_exchanged_before_the_answer(self):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal:
            flash = subprocess.Popen(self.command("--fixed"), stdin=theirs, stderr=subprocess.PIPE, env=self.environment())
            os.close(theirs)
            question = b""
            while not question.endswith(b"[y/N] "):
                byte = flash.stderr.read(1)
                self.assertTrue(byte, question)
                question += byte
            os.truncate(self.backing, CARD_SIZE + MIB)
            run("losetup", "--set-capacity", self.device)
            terminal.write(b"y\n")
            stderr = flash.communicate()[1].decode()
        self.assertEqual(flash.returncode, 1, stderr)
        self.assertIn(f"the card in {self.device} was exchanged. Nothing was written", stderr)
        self.assertEqual(self.backing.read_bytes(), OLD * CARD_SIZE + bytes(MIB))

    def test_empty_answer_means_no(self):
        self.assertEqual(self.answer(b"\n")[0], 1)
        self.assert_untouched()

    def test_no_terminal(self):
        flash = subprocess.run(
            self.command("--fixed"), check=False, capture_output=True, text=True, env=self.environment(), stdin=subprocess.DEVNULL
        )
        self.assertEqual(flash.returncode, 1)
        self.assertIn("no terminal to ask for confirmation: add --yes", flash.stderr)
        self.assert_untouched()
