# SPDX-License-Identifier: MIT OR Apache-2.0
"""The root file system has driver, agent and users, and is read-only."""

import re
import unittest

from card import card

# ELF's machine number of arm64, and its position.
AARCH64, MACHINE = (183).to_bytes(2, "little"), slice(18, 20)


def entries(path):
    """A colon-separated file: the other fields by the first one."""
    lines = (card().root / path).read_text().splitlines()
    return {fields[0]: fields[1:] for fields in (line.split(":") for line in lines)}


class Root(unittest.TestCase):
    def test_driver(self):
        (driver,) = card().root.glob("**/modules/*/updates/mypoll.ko")
        self.assertEqual(driver.read_bytes()[MACHINE], AARCH64)
        # Built for the kernel on the boot partition.
        version = driver.parents[1].name
        (kernel,) = card().boot.glob("kernel*.img")
        self.assertIn(f"Linux version {version} ".encode(), kernel.read_bytes())
        modules = "\n".join(path.read_text() for path in (card().root / "etc/modules-load.d").glob("*.conf"))
        self.assertRegex(modules, r"(?m)^mypoll$")

    def test_agent(self):
        agent = card().root / "usr/bin/mypoll-agent"
        self.assertEqual(agent.read_bytes()[MACHINE], AARCH64)
        self.assertTrue((card().root / "etc/mypoll-agent.toml").is_file())
        started = [path.name for path in (card().root / "etc/rc5.d").iterdir()]
        self.assertTrue(any(re.fullmatch(r"S\d\dmypoll-agent", name) for name in started), started)

    def test_users(self):
        groups = entries("etc/group")
        self.assertIn("mypoll", entries("etc/passwd"))
        self.assertIn("mypoll", groups)
        self.assertIn("mypoll", groups["gpio"][2].split(","))

    def test_boot_partition_is_mounted(self):
        fstab = [line.split() for line in (card().root / "etc/fstab").read_text().splitlines() if line[:1] not in ("", "#")]
        (boot,) = (entry for entry in fstab if entry[1] == "/boot")
        # By UUID, not by label: any USB stick may have that label.
        identifier = card().partitions[0].superblock(card().image)["UUID"]
        self.assertEqual(boot[0], f"UUID={identifier}")
        self.assertIn("ro", boot[3].split(","))

    def test_root_is_read_only(self):
        self.assertRegex((card().root / "etc/default/rcS").read_text(), r"(?m)^ROOTFS_READ_ONLY=yes$")
