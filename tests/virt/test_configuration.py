# SPDX-License-Identifier: MIT OR Apache-2.0
"""An invalid mypoll-agent.toml on a card's boot partition, written by a PC. MYPOLL_IMAGE: the image, a .wic.zst."""

import os
import tempfile
import unittest
from pathlib import Path

from board import HOSTNAME, Board, Session
from card import Card
from commands import run
from init_system import INIT, SysV

ERROR = "mypoll-agent-error.txt"


class InvalidConfiguration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.card = Card(self.folder / "card", os.environ["MYPOLL_IMAGE"], {"mypoll-agent.toml": "[[stream]]\r\nlisten = 7070\r\n"})

    def test_error_is_reported_on_the_boot_partition(self):
        session = Session(Board(self.folder, self.card), self.card)
        self.addCleanup(session.stop)
        session.log_in()
        self.assertNotIn("listen = 7070", session.run("cat /etc/mypoll-agent.toml"))
        session.wait("the agent", lambda: session.run("pidof mypoll-agent || :").strip())
        self.assertIn("mypoll-agent.toml:2: stream[0].listen: ", session.run(INIT.LOG))
        self.assertRegex(session.run("cat /proc/mounts"), r"(?m)^\S+ /boot vfat ro,")
        if INIT is SysV:
            # The DHCP server gets the hostname.
            self.assertIn(f"hostname:{HOSTNAME}", session.run("cat /proc/$(pidof udhcpc)/cmdline | tr '\\0' ' '"))
        session.power_off()

        # Back on the PC.
        error = self.card.boot_file(ERROR, self.folder / ERROR).read_text(encoding="utf-8")
        self.assertIn("mypoll-agent.toml:2: stream[0].listen: ", error)
        run("fsck.vfat", "-n", self.card.copy("boot"))
