# SPDX-License-Identifier: MIT OR Apache-2.0
"""systemd's units that use /var/lib before local-fs.target are ordered after data-partition.service."""

import re
import unittest
from pathlib import Path

RECIPE = Path(__file__).resolve().parents[2] / "recipes-core/data-partition"
UNIT = RECIPE / "files/data-partition.service"
DROP_IN = RECIPE / "files/after-data-partition.conf"
INSTALLED = Path("/usr/lib/systemd/system")

# In systemd 252 to 262.
EARLY = {
    "systemd-backlight@.service",
    "systemd-networkd-persistent-storage.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-rfkill.service",
    "systemd-timesyncd.service",
}
STATE = re.compile(r"(?m)^(StateDirectory=|RequiresMountsFor=.*/var/lib\b)")


def values(text, name):
    return {value for line in re.findall(rf"(?m)^{name}=(.*)$", text) for value in line.split()}


def early(folder):
    """The units that use /var/lib, without default dependencies and without After=local-fs.target."""
    for path in folder.glob("*.service"):
        text = path.read_text(encoding="utf-8")
        if "DefaultDependencies=no" in text and STATE.search(text) and "local-fs.target" not in values(text, "After"):
            yield path.name


class EarlyUnits(unittest.TestCase):
    def ordered(self):
        """The units that are ordered by the unit's Before=, or by a drop-in, which templates need."""
        recipe = next(RECIPE.glob("*.bb")).read_text(encoding="utf-8")
        before = {name for name in values(UNIT.read_text(encoding="utf-8"), "Before") if "@" not in name}
        return before | set(re.findall(rf"{DROP_IN.name} \S+/([\w@.-]+)\.d/\S+", recipe))

    def test_all_are_ordered(self):
        self.assertEqual(EARLY - self.ordered(), set())
        self.assertEqual(values(DROP_IN.read_text(encoding="utf-8"), "After"), {UNIT.name})

    def test_this_machine_has_no_others(self):
        if not INSTALLED.is_dir():
            self.skipTest("systemd is not installed")
        self.assertEqual(set(early(INSTALLED)) - EARLY, set())
