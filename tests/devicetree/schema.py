# SPDX-License-Identifier: MIT OR Apache-2.0
"""dtschema's programs, which are where Python is."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINDING = ROOT / "recipes-kernel/mypoll/bindings/misc/mypoll,events.yaml"


def dtschema(program, *arguments):
    # A program's first line names the path at which the environment was made, another one.
    command = (sys.executable, Path(sys.executable).with_name(program), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True)


def validate(tree, *options):
    """The complaints of dt-validate about a tree. Its exit status is 0 either way."""
    done = dtschema("dt-validate", *options, "--schema", os.environ["MYPOLL_SCHEMAS"], tree)
    return done.stdout + done.stderr
