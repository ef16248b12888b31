# SPDX-License-Identifier: MIT OR Apache-2.0
"""The layer's systemd units pass systemd-analyze. Nothing is started, and the host's systemd is not asked."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted(path for folder in ("recipes-apps/mypoll-agent/files", "recipes-core") for path in (ROOT / folder).rglob("*.service"))
# The service that listens on the network, and its highest permitted exposure level, in tenths.
EXPOSED, EXPOSURE_MAX = "mypoll-agent.service", 20

pytestmark = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian, Ubuntu: package systemd)"
)


def analyze(unit, folder, *arguments):
    """Installs a unit into `folder` like its recipe, with stubs of its programs, and runs systemd-analyze on it."""
    text = unit.read_text().replace("/usr/bin", str(folder)).replace("@LIBEXECDIR@", str(folder))
    for program in re.findall(rf"^ExecStart=({re.escape(str(folder))}\S+)", text, re.MULTILINE):
        Path(program).write_text("#!/bin/sh\n")
        Path(program).chmod(0o755)
    installed = folder / unit.name
    installed.write_text(text)
    done = subprocess.run(["systemd-analyze", "--no-pager", *arguments, installed], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_verify(unit, tmp_path):
    # The man pages are not installed.
    analyze(unit, tmp_path, "verify", "--man=no")


def test_security(tmp_path):
    (unit,) = (unit for unit in UNITS if unit.name == EXPOSED)
    analyze(unit, tmp_path, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}")
