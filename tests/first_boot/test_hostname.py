# SPDX-License-Identifier: MIT OR Apache-2.0
"""The hostname that serial-hostname sets, here in its own UTS namespace."""

import os
import tempfile
import unittest
from pathlib import Path

from loop_card import run

SERIAL_HOSTNAME = Path(__file__).resolve().parents[2] / "recipes-core/serial-hostname/files/serial-hostname"

# Hides this machine's /run and /etc/hostname.
BOOT = """
hostname raspberrypi
mount -t tmpfs run /run
mount --bind /dev/null /etc/hostname
"$0" mypoll "$1"
hostname
cat /etc/hostname
"""


class SerialHostname(unittest.TestCase):
    def names(self, serial):
        """The hostname, and the content of /etc/hostname, on a board with this serial number."""
        if os.geteuid() != 0:
            self.skipTest("namespaces need root")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "serial-number"
            if serial is not None:
                file.write_bytes(serial)
            script = ["sh", "-e", "-c", BOOT, SERIAL_HOSTNAME, file]
            return run("unshare", "--uts", "--mount", *script).splitlines()

    def test_raspberry_pi(self):
        self.assertEqual(self.names(b"10000000a1b2c3d4\0"), ["mypoll-a1b2c3d4"] * 2)

    def test_uppercase(self):
        self.assertEqual(self.names(b"10000000A1B2C3D4\0"), ["mypoll-a1b2c3d4"] * 2)

    def test_short(self):
        self.assertEqual(self.names(b"42\0"), ["mypoll-42"] * 2)

    def test_invalid_characters_are_removed(self):
        self.assertEqual(self.names(b"SN: 12/34_$(reboot).5\0"), ["mypoll-4reboot5"] * 2)

    def test_no_serial_number(self):
        for serial in None, b"", b"\0", b"0000000000000000\0":
            with self.subTest(serial=serial):
                self.assertEqual(self.names(serial), ["raspberrypi"])
