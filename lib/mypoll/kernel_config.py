# SPDX-License-Identifier: MIT OR Apache-2.0
"""The check after configuring: what a fragment asks for has to be in the result.

Kconfig drops an option whose dependencies aren't met without a word. A kernel that lacks one boots all the same, and
fails later, far from the cause.

As a program: kernel_config.py .config FRAGMENT... names what was lost, and fails when something was.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

# What an option that is off, or unknown, reads as.
OFF = "n"

OPTION = re.compile(r"(?:# (?P<off>CONFIG_\w+) is not set|(?P<option>CONFIG_\w+)=(?P<value>.*?))\s*")


class Lost(NamedTuple):
    """One option that came out otherwise than it was asked for."""

    option: str
    fragment: Path
    asked: str
    came: str
    hints: list[str]

    def __str__(self):
        line = f"{self.option}: {self.fragment.name} asks for {self.asked}, the result has {self.came}"
        return "\n    ".join([line, *self.hints])


def parse(text):
    """The options and their values; other lines are comments."""
    options = {}
    for match in filter(None, map(OPTION.fullmatch, text.splitlines())):
        if match["off"]:
            options[match["off"]] = OFF
        else:
            options[match["option"]] = match["value"]
    return options


def lost(fragments, config):
    """Compares a finished configuration with the fragments. Of two that name the same option, the later one counts."""
    result = parse(Path(config).read_text(encoding="utf-8"))
    asked = {}
    for fragment in map(Path, fragments):
        for option, value in parse(fragment.read_text(encoding="utf-8")).items():
            asked[option] = (value, fragment)
    return [
        Lost(option, fragment, value, came, why_no_rust(result) if option == "CONFIG_RUST" else [])
        for option, (value, fragment) in sorted(asked.items())
        if (came := result.get(option, OFF)) != value
    ]


def why_no_rust(config):
    """What init/Kconfig lets RUST depend on and is not as it has to be."""

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
            "DEBUG_INFO_BTF is on with a pahole older than 1.24: turn it off, or take a newer pahole",
        ),
        (
            on("CONFIG_DEBUG_INFO_BTF") and on("CONFIG_LTO"),
            "DEBUG_INFO_BTF and LTO are both on: turn one off",
        ),
    ]
    return [hint for is_so, hint in causes if is_so]


def split(lost_options, folder):
    """Two lists: what fragments below `folder` lost, and what others lost."""
    lists = [], []
    for option in lost_options:
        lists[Path(folder) not in option.fragment.parents].append(option)
    return lists


def report(lost_options):
    """All that was lost, in one message."""
    return "\n  ".join(["the configuration lacks what was asked for", *map(str, lost_options)])


def main(config, *fragments):
    """Exits with the report when something was lost."""
    if lost_options := lost(fragments, config):
        sys.exit(report(lost_options))


if __name__ == "__main__":
    main(*sys.argv[1:])
