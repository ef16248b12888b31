# SPDX-License-Identifier: MIT OR Apache-2.0
"""The driver's binding, and the device trees of QEMU's boards, which must be valid by it."""

import os
import subprocess
from pathlib import Path

from schema import BINDING, ROOT, dtschema, validate

TREES = ROOT / "recipes-kernel/linux/files/dts"
BAD_LINES = ROOT / "tests/devicetree/bad-lines.dtso"
# Ignores other nodes.
OURS = "--limit", "mypoll,events"

# The errors for BAD_LINES, sorted. The schema cannot express the errors of its other nodes.
ERRORS = [
    "debounce-too-long (mypoll,events): line:debounce-interval: 4294968 is greater than the maximum of 4294967",
    "debounce-without-a-value (mypoll,events): line:debounce-interval: True is not of type 'integer'",
    r"label-empty (mypoll,events): line:label:0: '' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    r"label-with-a-slash (mypoll,events): line:label:0: 'front/door' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    r"label-with-a-tab (mypoll,events): line:label:0: 'front\tdoor' does not match '^[^/\\x00-\\x1f\\x7f]{1,255}$'",
    "label-without-an-end (mypoll,events): line:label: b'bad' is not of type 'array'",
    "no-gpios (mypoll,events): line: 'gpios' is a required property",
    "number-too-high (mypoll,events): line@400:reg:0:0: 1024 is greater than the maximum of 1023",
    # For number-of-16-bits: dt-validate omits the name.
    "size (2) error for type address",
    "unknown-edge (mypoll,events): line:mypoll,edge:0: 'upwards' is not one of ['both', 'rising', 'falling']",
]


def compiled(source, folder):
    tree = folder / f"{source.stem}.dtb"
    subprocess.run(["dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", tree, source], check=True)
    return tree


def applied(overlay, folder):
    """QEMU's own device tree with the overlay, like in scripts/lab/src/build/devicetree.rs: dt-validate ignores overlays."""
    board, merged = folder / "board.dtb", folder / "merged.dtb"
    qemu = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-nodefaults", "-display", "none", "-machine"]
    subprocess.run([*qemu, f"dumpdtb={board}"], check=True)
    subprocess.run(["fdtput", "-p", "-t", "s", board, "/__symbols__", "pl061", "/pl061@9030000"], check=True)
    subprocess.run(["fdtoverlay", "-i", board, "-o", merged, compiled(overlay, folder)], check=True)
    return merged


def test_binding():
    done = dtschema("dt-doc-validate", BINDING)
    assert done.stdout + done.stderr == ""


def test_examples(tmp_path):
    source, dts = tmp_path / "example.c", tmp_path / "example.dts"
    source.write_text(dtschema("dt-extract-example", BINDING).stdout)
    cpp = ["cc", "-E", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp"]
    include = Path(os.environ["MYPOLL_KERNEL_SOURCE"], "include")
    subprocess.run([*cpp, "-I", include, "-o", dts, source], check=True)
    # Valid by all schemas.
    assert validate(compiled(dts, tmp_path)) == ""


def test_device_tree_of_the_x86_board(tmp_path):
    assert validate(compiled(TREES / "mypoll-qemu-x86.dts", tmp_path), *OURS) == ""


def test_overlay_of_the_arm64_board(tmp_path):
    assert validate(applied(TREES / "mypoll-qemu-virt.dtso", tmp_path), *OURS) == ""


def test_bad_lines(tmp_path):
    output = validate(applied(BAD_LINES, tmp_path), *OURS)
    # Without the file name. A set: a label that is not a string violates its type and its pattern, with the same message.
    errors = {line.partition(": ")[2] for line in output.splitlines() if not line.startswith("\t")}
    assert sorted(errors) == ERRORS
