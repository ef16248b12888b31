# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nobody gets into mypoll-image: MYPOLL_ROOT is its root file system, a .tar.zst."""

import os
import re
import subprocess
import tarfile
import unittest
from io import BytesIO

# Programs that let somebody in over the network.
SERVERS = {"dropbear", "dropbearmulti", "sshd", "telnetd", "rlogind", "rshd", "ftpd", "tcpsvd"}

# What init may keep running, or wait for: a login that asks, and the scripts of a runlevel.
ASKS = re.compile(r"(/usr/sbin/ttyrun \S+ )?/sbin/getty( -L)? \d+ \S+|/etc/init\.d/rc \d")
# What it does once, with nobody at a terminal.
UNATTENDED = {"sysinit", "shutdown", "restart", "ctrlaltdel"}


def opens(inittab):
    """The lines by which somebody may get in without a question."""
    lines = [line for line in inittab.splitlines() if line and not line.startswith("#")]
    started = [(line, *line.split(":", 3)[2:]) for line in lines]
    return [line for line, action, process in started if action not in UNATTENDED and not ASKS.fullmatch(process)]


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.environ["MYPOLL_ROOT"], "rb") as packed:
            tar = subprocess.run(["zstd", "-d"], check=True, stdin=packed, stdout=subprocess.PIPE).stdout
        cls.root = cls.enterClassContext(tarfile.open(fileobj=BytesIO(tar)))
        cls.names = {name.removeprefix("./") for name in cls.root.getnames()}

    def passwords(self):
        """By account, from where they are: /etc/shadow, if there is one."""
        accounts = self.fields("etc/passwd")
        shadow = self.fields("etc/shadow") if "etc/shadow" in self.names else {}
        return {name: shadow.get(name, "") if password == "x" else password for name, password in accounts.items()}

    def fields(self, name):
        """The first two of each line."""
        text = self.root.extractfile(f"./{name}").read().decode()
        return dict(line.split(":")[:2] for line in text.splitlines())

    def test_passwords_are_locked(self):
        passwords = self.passwords()
        self.assertIn("root", passwords)
        for name, password in passwords.items():
            # What crypt() never gives; an empty one is no password.
            self.assertRegex(password, r"^[*!]", name)

    def test_no_server(self):
        programs = {name.rsplit("/", 1)[-1] for name in self.names if "bin/" in name}
        self.assertEqual(programs & SERVERS, set())

    def test_no_keys(self):
        keys = {name for name in self.names if "authorized_keys" in name or "host_key" in name}
        self.assertEqual(keys, set())

    def test_no_login_without_a_question(self):
        inittab = self.root.extractfile("./etc/inittab").read().decode()
        self.assertEqual(opens(inittab), [])


class Inittabs(unittest.TestCase):
    """What would let somebody in is found."""

    def test_one_that_asks(self):
        self.assertEqual(
            opens(
                "# ::respawn:/bin/sh\n\n::sysinit:/etc/init.d/rcS\n::shutdown:/etc/init.d/rcK\nl5:5:wait:/etc/init.d/rc 5\n"
                "::respawn:/usr/sbin/ttyrun hvc0 /sbin/getty -L 115200 hvc0\ntty1:12345:respawn:/sbin/getty 38400 tty1\n"
            ),
            [],
        )

    def test_ones_that_do_not(self):
        for line in (
            "::askfirst:-/bin/sh",
            "::respawn:-/bin/sh",
            "tty1::respawn:/bin/ash",
            "::respawn:/bin/login -f root",
            "::once:/bin/busybox sh",
            "::respawn:/sbin/sulogin -e",
            "::respawn:/sbin/getty -n -l /bin/sh 115200 hvc0",
            "::respawn:/sbin/getty --autologin root 115200 hvc0",
            "::respawn:/sbin/getty -L -a root 115200 hvc0",
        ):
            with self.subTest(line):
                self.assertEqual(opens(line), [line])
