# SPDX-License-Identifier: MIT OR Apache-2.0
"""The users and groups of our recipes and openembedded-core's have fixed IDs. MYPOLL_LAYERS: a folder with openembedded-core."""

import os
import re
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
CORE = Path(os.environ["MYPOLL_LAYERS"]) / "openembedded-core/meta"

PARAMETER = re.compile(r'(?m)^(USER|GROUP)ADD_PARAM:\S+ [?+.:]*= "((?:\\.|[^"\\])*)"')
NAME = re.compile(r"[a-z_][\w-]*")


def table(name):
    """IDs by name, of a file in `files`."""
    lines = (REPOSITORY / "files" / name).read_text(encoding="ascii").splitlines()
    pairs = [line.split(":")[0::2][:2] for line in lines if not line.startswith("#")]
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), "duplicate name"
    return dict(pairs)


def added(layer):
    """The users and groups that the layer's recipes add, under any condition."""
    users, groups = set(), set()
    for path in [*layer.glob("recipes-*/**/*.bb"), *layer.glob("recipes-*/**/*.inc")]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for kind, commands in PARAMETER.findall(text):
            for command in commands.split(";"):
                *options, name = command.split() or [""]
                if not NAME.fullmatch(name):
                    continue
                (users if kind == "USER" else groups).add(name)
                if kind == "USER" and not {"-g", "--gid", "-N", "--no-user-group"} & set(options):
                    groups.add(name)
    return users, groups


class Users(unittest.TestCase):
    def setUp(self):
        self.users, self.groups = table("mypoll-passwd"), table("mypoll-group")

    def test_all_have_fixed_ids(self):
        for layer in REPOSITORY, CORE:
            users, groups = added(layer)
            self.assertTrue(users)
            self.assertEqual(users - set(self.users), set())
            self.assertEqual(groups - set(self.groups), set())

    def test_ids_are_unique(self):
        for numbers in self.users, self.groups:
            self.assertEqual(len(set(numbers.values())), len(numbers))

    def test_user_and_own_group_have_the_same_id(self):
        shared = set(self.users) & set(self.groups)
        self.assertEqual({name: self.users[name] for name in shared}, {name: self.groups[name] for name in shared})
