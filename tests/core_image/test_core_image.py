# SPDX-License-Identifier: MIT OR Apache-2.0
"""An image that is not this layer's boots from its card, too, in QEMU."""

import tempfile
import unittest
from pathlib import Path

from board import Board


class Booted(unittest.TestCase):
    def test_it_boots_to_a_login(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        board = Board(Path(folder))
        self.addCleanup(board.stop)
        board.wait_for_login()
        self.assertRegex(board.said, r"VFS: Mounted root \(ext4 filesystem\).* on device 179:2")
