# SPDX-License-Identifier: MIT OR Apache-2.0
"""Recipes, crates and distro have the version of the newest release in CHANGELOG.md."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKSPACES = [
    "recipes-apps/mypoll-agent/mypoll-agent",
    "recipes-apps/mypoll-agent/mypoll-agent/fuzz",
    "recipes-kernel/mypoll/host-tests",
    "scripts/lab",
]


def first(pattern, file):
    return re.search(pattern, (ROOT / file).read_text(), re.MULTILINE)[1]


class Version(unittest.TestCase):
    def setUp(self):
        self.release = first(r"^## \[(\d+\.\d+\.\d+)\]", "CHANGELOG.md")

    def test_recipes(self):
        recipes = [*ROOT.glob("recipes-*/*/*_*.bb")]
        self.assertTrue(recipes)
        versions = {file.stem.partition("_")[0]: file.stem.partition("_")[2] for file in recipes}
        # linux-mypoll has the kernel's version.
        versions.pop("linux-mypoll")
        self.assertEqual(versions, dict.fromkeys(versions, self.release))

    def test_crates(self):
        for folder in WORKSPACES:
            with self.subTest(folder):
                self.assertEqual(first(r'^version = "(.*)"$', f"{folder}/Cargo.toml"), self.release)

    def test_distro(self):
        self.assertEqual(first(r'^DISTRO_VERSION \?= "(.*)"$', "conf/distro/mypoll.conf"), self.release)


if __name__ == "__main__":
    unittest.main()
