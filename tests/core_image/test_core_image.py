# SPDX-License-Identifier: MIT OR Apache-2.0
"""An image of another layer also boots from its card, in QEMU."""

import tempfile
import unittest
from pathlib import Path

from board import Board


class Booted(unittest.TestCase):
    def test_boots_to_a_login(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        board = Board(Path(folder))
        self.addCleanup(board.stop)
        board.wait_for_login()
        self.assertRegex(board.console, r"VFS: Mounted root \(ext4 filesystem\).* on device 179:2")
