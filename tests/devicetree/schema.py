# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs dtschema's programs, which are installed beside this Python."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINDING = ROOT / "recipes-kernel/mypoll/bindings/misc/mypoll,events.yaml"


def dtschema(program, *arguments):
    # The path in the program's shebang is outdated: the environment was moved after its installation.
    command = (sys.executable, Path(sys.executable).with_name(program), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True)


def validate(tree, *options):
    """The errors that dt-validate reports for a tree. Its exit status is always 0."""
    done = dtschema("dt-validate", *options, "--schema", os.environ["MYPOLL_SCHEMAS"], tree)
    return done.stdout + done.stderr
