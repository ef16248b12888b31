# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks that the final kernel configuration has all options of the fragments.

Kconfig silently drops an option whose dependencies are not met. A kernel that lacks one still boots, and fails later, far
from the cause.

As a program: `kernel_config.py .config FRAGMENT...` prints the lost options, and fails if there are any.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

# The value of an option that is off or unknown.
OFF = "n"

OPTION = re.compile(r"(?:# (?P<off>CONFIG_\w+) is not set|(?P<option>CONFIG_\w+)=(?P<value>.*?))\s*")


class Lost(NamedTuple):
    """An option whose final value differs from the fragment's."""

    option: str
    fragment: Path
    asked: str
    result: str
    hints: list[str]

    def __str__(self):
        line = f"{self.option}: {self.fragment.name} asks for {self.asked}, the result has {self.result}"
        return "\n    ".join([line, *self.hints])


def parse(text):
    """The options and their values; other lines are ignored."""
    options = {}
    for match in filter(None, map(OPTION.fullmatch, text.splitlines())):
        if match["off"]:
            options[match["off"]] = OFF
        else:
            options[match["option"]] = match["value"]
    return options


def lost(fragments, config):
    """Compares a finished configuration with the fragments. The last fragment that sets an option wins."""
    result = parse(Path(config).read_text(encoding="utf-8"))
    asked = {}
    for fragment in map(Path, fragments):
        for option, value in parse(fragment.read_text(encoding="utf-8")).items():
            asked[option] = (value, fragment)
    return [
        Lost(option, fragment, value, found, why_no_rust(result) if option == "CONFIG_RUST" else [])
        for option, (value, fragment) in sorted(asked.items())
        if (found := result.get(option, OFF)) != value
    ]


def why_no_rust(config):
    """Hints for the unmet dependencies of RUST in init/Kconfig."""

    def on(option):
        return config.get(option, OFF) != OFF

    causes = [
        (
            not on("CONFIG_RUST_IS_AVAILABLE"),
            "RUST_IS_AVAILABLE is off: 'make rustavailable' says what is missing",
        ),
        (
            on("CONFIG_MODVERSIONS") and not on("CONFIG_GENDWARFKSYMS"),
            "MODVERSIONS is on: turn it off, or GENDWARFKSYMS on",
        ),
        (on("CONFIG_RANDSTRUCT"), "RANDSTRUCT is on: choose RANDSTRUCT_NONE"),
        (
            on("CONFIG_DEBUG_INFO_BTF") and not on("CONFIG_PAHOLE_HAS_LANG_EXCLUDE"),
            "DEBUG_INFO_BTF is on with a pahole older than 1.24: turn it off, or use a newer pahole",
        ),
        (
            on("CONFIG_DEBUG_INFO_BTF") and on("CONFIG_LTO"),
            "DEBUG_INFO_BTF and LTO are both on: turn one off",
        ),
    ]
    return [hint for applies, hint in causes if applies]


def split(lost_options, folder):
    """Two lists: the lost options of fragments below `folder`, and those of other fragments."""
    lists = [], []
    for option in lost_options:
        lists[Path(folder) not in option.fragment.parents].append(option)
    return lists


def report(lost_options):
    """One message with all lost options."""
    return "\n  ".join(["the configuration lacks what was asked for", *map(str, lost_options)])


def main(config, *fragments):
    """Exits with the report if options were lost."""
    if lost_options := lost(fragments, config):
        sys.exit(report(lost_options))


if __name__ == "__main__":
    main(*sys.argv[1:])
