# SPDX-License-Identifier: MIT OR Apache-2.0
"""Helpers for the tests of scripts/flash: images, and loop devices as cards."""

import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

FLASH = Path(__file__).resolve().parents[2] / "scripts/flash"

MIB = 1 << 20
CARD_SIZE = 20 * MIB
IMAGE_SIZE = 16 * MIB
# The image's data, as ranges of bytes. The rest is holes.
DATA = ((0, MIB), (4 * MIB, 14 * MIB), (IMAGE_SIZE - 4096, IMAGE_SIZE))
# The card is full of this byte before it is written.
OLD = b"\xa5"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout.strip()


def require_loop_devices():
    """Skips the calling module if loop devices are unavailable."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("loop devices take root")
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(MIB)
        try:
            run("losetup", "--detach", run("losetup", "--find", "--show", file.name))
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(f"no loop device is available: {error}") from error


class CardTest(unittest.TestCase):
    """A folder with an image of holes and data (`image`), its block map, and a card (`device`)."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image = self.folder / "test.wic"
        noise = random.Random(1)
        with self.image.open("wb") as file:
            file.truncate(IMAGE_SIZE)
            for start, end in DATA:
                file.seek(start)
                file.write(noise.randbytes(end - start))
            file.seek(510)
            file.write(b"\x55\xaa")
        self.bmap = self.folder / "test.wic.bmap"
        run("bmaptool", "create", "--output", self.bmap, self.image)
        self.variables = {}
        self.backing = self.folder / "card"
        self.device = self.card(CARD_SIZE)

    def card(self, size, *options):
        """A card of `size` bytes in `backing`."""
        self.backing.write_bytes(OLD * size)
        return self.loop(*options)

    def loop(self, *options):
        device = run("losetup", "--find", "--show", *options, self.backing)
        self.addCleanup(run, "losetup", "--detach", device)
        return device

    def flash(self, *options, image=None, device=None, cwd=None, status, says):
        """Runs scripts/flash. Expects the exit status `status`, and `says` in its output."""
        ended = subprocess.run(
            self.command("--yes", "--fixed", *options, image=image, device=device),
            check=False,
            capture_output=True,
            text=True,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            cwd=cwd,
        )
        self.assertEqual(ended.returncode, status, ended.stderr)
        self.assertIn(says, ended.stderr)
        if status in (1, 2):
            self.assertIn("Nothing was written", ended.stderr)
        if status == 3:
            self.assertIn("DO NOT USE THIS CARD", ended.stderr)

    def command(self, *options, image=None, device=None):
        return [FLASH, *options, image or self.image, device or self.device]

    def environment(self):
        """The environment for scripts/flash: with the programs of `replace`, and with `variables`."""
        return {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", **self.variables}

    def replace(self, program, script):
        """Makes scripts/flash run `script` instead of `program`, whose path `script` has in $REAL."""
        real = run("sh", "-c", f"command -v {program}")
        path = self.folder / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nREAL={real}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def assert_untouched(self):
        self.assertEqual(self.backing.read_bytes().strip(OLD), b"")

    def assert_written(self):
        """The card contains the image, followed by its old data."""
        card = self.backing.read_bytes()
        image = self.image.read_bytes()
        for start in range(0, len(image), MIB):
            self.assertTrue(card[start : start + MIB] == image[start : start + MIB], f"MiB {start // MIB} differs from the image")
        self.assertEqual(card[len(image) :].strip(OLD), b"", "something was written past the image's end")
