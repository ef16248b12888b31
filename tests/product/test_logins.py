# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nobody can log in to mypoll-image. MYPOLL_ROOT: its root file system, a .tar.zst."""

import os
import re
import subprocess
import tarfile
import unittest
from io import BytesIO

# Network servers with a login or file access.
SERVERS = {"dropbear", "dropbearmulti", "sshd", "telnetd", "rlogind", "rshd", "ftpd", "tcpsvd"}

# Permitted processes of init: a getty that asks for a password, and the scripts of a runlevel.
PERMITTED = re.compile(r"(/usr/sbin/ttyrun \S+ )?/sbin/getty( -L)? \d+ \S+|/etc/init\.d/rc \d")
# Actions of init that run once, without a terminal.
UNATTENDED = {"sysinit", "shutdown", "restart", "ctrlaltdel"}


def unprotected(inittab):
    """The lines that may start a shell without a password."""
    lines = [line for line in inittab.splitlines() if line and not line.startswith("#")]
    started = [(line, *line.split(":", 3)[2:]) for line in lines]
    return [line for line, action, process in started if action not in UNATTENDED and not PERMITTED.fullmatch(process)]


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.environ["MYPOLL_ROOT"], "rb") as packed:
            tar = subprocess.run(["zstd", "-d"], check=True, stdin=packed, stdout=subprocess.PIPE).stdout
        cls.root = cls.enterClassContext(tarfile.open(fileobj=BytesIO(tar)))
        cls.names = {name.removeprefix("./") for name in cls.root.getnames()}

    def passwords(self):
        """The password fields by account, from /etc/shadow if it exists."""
        accounts = self.fields("etc/passwd")
        shadow = self.fields("etc/shadow") if "etc/shadow" in self.names else {}
        return {name: shadow.get(name, "") if password == "x" else password for name, password in accounts.items()}

    def fields(self, name):
        """The first two fields of each line."""
        text = self.root.extractfile(f"./{name}").read().decode()
        return dict(line.split(":")[:2] for line in text.splitlines())

    def test_passwords_are_locked(self):
        passwords = self.passwords()
        self.assertIn("root", passwords)
        for name, password in passwords.items():
            # crypt() never returns these. An empty field would need no password.
            self.assertRegex(password, r"^[*!]", name)

    def test_no_server(self):
        programs = {name.rsplit("/", 1)[-1] for name in self.names if "bin/" in name}
        self.assertEqual(programs & SERVERS, set())

    def test_no_keys(self):
        keys = {name for name in self.names if "authorized_keys" in name or "host_key" in name}
        self.assertEqual(keys, set())

    def test_no_login_without_a_password(self):
        inittab = self.root.extractfile("./etc/inittab").read().decode()
        self.assertEqual(unprotected(inittab), [])


class Inittabs(unittest.TestCase):
    """Tests unprotected()."""

    def test_protected_lines(self):
        self.assertEqual(
            unprotected(
                "# ::respawn:/bin/sh\n\n::sysinit:/etc/init.d/rcS\n::shutdown:/etc/init.d/rcK\nl5:5:wait:/etc/init.d/rc 5\n"
                "::respawn:/usr/sbin/ttyrun hvc0 /sbin/getty -L 115200 hvc0\ntty1:12345:respawn:/sbin/getty 38400 tty1\n"
            ),
            [],
        )

    def test_unprotected_lines(self):
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
                self.assertEqual(unprotected(line), [line])
