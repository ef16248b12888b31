# SPDX-License-Identifier: MIT OR Apache-2.0
"""Nobody gets into mypoll-image: MYPOLL_ROOT is its root file system, a .tar.zst."""

import os
import subprocess
import tarfile
import unittest
from io import BytesIO

# Programs that let somebody in over the network.
SERVERS = {"dropbear", "dropbearmulti", "sshd", "telnetd", "rlogind", "rshd", "ftpd", "tcpsvd"}


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.environ["MYPOLL_ROOT"], "rb") as packed:
            tar = subprocess.run(["zstd", "-d"], check=True, stdin=packed, stdout=subprocess.PIPE).stdout
        cls.root = tarfile.open(fileobj=BytesIO(tar))
        cls.names = {name.removeprefix("./") for name in cls.root.getnames()}

    @classmethod
    def tearDownClass(cls):
        cls.root.close()

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
        if "etc/inittab" in self.names:
            inittab = self.root.extractfile("./etc/inittab").read().decode()
            for shell in "/bin/sh", "/bin/ash", "-sh", "getty -n", "--autologin":
                self.assertNotIn(f" {shell}", inittab)
                self.assertNotIn(f":{shell}", inittab)
