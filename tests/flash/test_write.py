# SPDX-License-Identifier: MIT OR Apache-2.0
"""What scripts/flash writes, on loop devices."""

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
        run(program, "--keep", self.image)
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

    def test_names_that_mean_something_to_bmaptool(self):
        # An option, and suffixes of what it would unpack in another way.
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

    def test_links_as_bitbake_leaves_them(self):
        for program, suffix in (("gzip", ".gz"), ("bzip2", ".bz2"), ("xz", ".xz"), ("zstd", ".zst")):
            with self.subTest(program):
                link = self.folder / f"link.wic{suffix}"
                link.symlink_to(self.packed(program, suffix))
                self.flash("--bmap", self.bmap, image=link, status=0, says="contains the image")
                self.assert_written()

    def test_card_whose_label_is_not_utf_8(self):
        # As Windows writes an umlaut to FAT; lsblk prints what udev knows, byte by byte.
        self.replace("lsblk", """$REAL "$@" | sed 's/"label": *null/"label":"M\\x9aller"/'""")
        self.flash(status=0, says="contains the image")

    def test_without_a_block_map(self):
        self.bmap.unlink()
        self.flash(image=self.packed("zstd", ".zst"), status=0, says="16.8 MB of it data")
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


class Unheard(CardTest):
    def test_nobody_reads_what_it_says(self):
        reader, writer = os.pipe()
        os.close(reader)
        flash = subprocess.run(self.command("--yes", "--fixed"), check=False, stderr=writer, env=self.environment())
        os.close(writer)
        self.assertEqual(flash.returncode, 0)
        self.assert_written()


class Zeros(CardTest):
    """Where the block map has nothing, the image is zero."""

    def lose_zeros(self):
        """As the image is after `cp --sparse=always`, and the block map that is made of it then."""
        run("fallocate", "--dig-holes", self.image)
        run("bmaptool", "create", "--output", self.bmap, self.image)

    def test_fat(self):
        fat = self.folder / "fat"
        run("mkfs.vfat", "-C", fat, str((IMAGE_SIZE - MIB) // 1024))
        with self.image.open("r+b") as image:
            image.seek(MIB)
            image.write(fat.read_bytes())
        self.lose_zeros()
        self.flash(status=0, says=f"{size_text(IMAGE_SIZE)} were read back and verified")
        self.assert_written()
        fat.write_bytes(self.backing.read_bytes()[MIB:IMAGE_SIZE])
        run("fsck.vfat", "-n", fat)

    def test_file_of_zeros(self):
        # Of a file system that has blocks for it, as ext4's journal.
        root = self.folder / "ext4"
        root.write_bytes(bytes(IMAGE_SIZE - MIB))
        run("mkfs.ext4", "-q", "-O", "^has_journal", root)
        zeros = self.folder / "zeros"
        zeros.write_bytes(bytes(MIB))
        run("debugfs", "-w", "-R", f"write {zeros} zeros", root)
        with self.image.open("r+b") as image:
            image.seek(MIB)
            image.write(root.read_bytes())
        self.lose_zeros()
        self.flash(status=0, says="contains the image")
        self.assert_written()

    def test_not_written_where_they_are(self):
        # The card's backing file keeps its holes.
        os.truncate(self.backing, 0)
        os.truncate(self.backing, CARD_SIZE)
        self.flash(status=0, says="contains the image")
        self.assertTrue(self.backing.read_bytes() == self.image.read_bytes() + bytes(CARD_SIZE - IMAGE_SIZE))
        self.assertLess(self.backing.stat().st_blocks * 512, sum(end - start for start, end in DATA) + MIB)

    def test_read_back(self):
        content = Image(self.image).content(bmap.read(self.bmap))
        card = device.Device(Path(self.device))
        run("bmaptool", "copy", "--bmap", self.bmap, self.image, self.device)
        with card.claimed():
            with self.assertRaisesRegex(device.Different, f"bytes {MIB} to {4 * MIB - 1} differ from the image"):
                card.verify(content)
            card.clear(content.gaps)
            card.verify(content)


class Question(CardTest):
    def answer(self, answer):
        """Runs scripts/flash at a terminal and answers it."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal:
            flash = subprocess.Popen(
                self.command("--fixed"), stdin=theirs, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self.environment()
            )
            os.close(theirs)
            terminal.write(answer)
            said = flash.communicate()[1].decode()
        self.assertIn(f"All data on {self.device} will be lost. Write?", said)
        self.assertIn("16.8 MB", said)
        self.assertIn("21.0 MB", said)
        return flash.returncode, said

    def test_yes(self):
        self.assertEqual(self.answer(b"y\n")[0], 0)
        self.assert_written()

    def test_no(self):
        status, said = self.answer(b"n\n")
        self.assertEqual(status, 1)
        self.assertIn("not confirmed. Nothing was written", said)
        self.assert_untouched()

    def test_another_card_meanwhile(self):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as terminal:
            flash = subprocess.Popen(self.command("--fixed"), stdin=theirs, stderr=subprocess.PIPE, env=self.environment())
            os.close(theirs)
            said = b""
            while not said.endswith(b"[y/N] "):
                said += flash.stderr.read(1)
            os.truncate(self.backing, CARD_SIZE + MIB)
            run("losetup", "--set-capacity", self.device)
            terminal.write(b"y\n")
            said = flash.communicate()[1].decode()
        self.assertEqual(flash.returncode, 1, said)
        self.assertIn(f"the card in {self.device} was exchanged. Nothing was written", said)
        self.assertEqual(self.backing.read_bytes(), OLD * CARD_SIZE + bytes(MIB))

    def test_just_enter(self):
        self.assertEqual(self.answer(b"\n")[0], 1)
        self.assert_untouched()

    def test_nobody_to_ask(self):
        flash = subprocess.run(
            self.command("--fixed"), check=False, capture_output=True, text=True, env=self.environment(), stdin=subprocess.DEVNULL
        )
        self.assertEqual(flash.returncode, 1)
        self.assertIn("no terminal to ask for confirmation: add --yes", flash.stderr)
        self.assert_untouched()
