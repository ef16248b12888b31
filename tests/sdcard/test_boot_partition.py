# SPDX-License-Identifier: MIT OR Apache-2.0
"""The boot partition has what a Raspberry Pi's firmware needs."""

import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

from card import MACHINE, card, run


@dataclass(frozen=True)
class Board:
    # Empty for the Pi 5: its firmware is in an EEPROM.
    firmware: tuple[str, ...]
    # The firmware's default name: config.txt does not set it.
    kernel: str
    # One per model, with the firmware's names for upstream_kernel=1.
    device_trees: frozenset[str]
    # Required for an agent on the network: compatible strings in the device trees.
    hardware: tuple[str, ...]


BCM2837 = (
    "brcm,bcm2835-cprman",
    "brcm,bcm2835-aux",
    "brcm,bcm2835-aux-uart",
    "brcm,bcm2835-gpio",
    "brcm,bcm2835-sdhost",
    "brcm,bcm2835-usb",
)

BOARDS = {
    "raspberrypi0-2w-64": Board(
        ("bootcode.bin", "start.elf", "fixup.dat"),
        "kernel8.img",
        frozenset({"bcm2837-rpi-zero-2-w.dtb"}),
        BCM2837,
    ),
    "raspberrypi3-64": Board(
        ("bootcode.bin", "start.elf", "fixup.dat"),
        "kernel8.img",
        frozenset({"bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb", "bcm2837-rpi-3-a-plus.dtb"}),
        BCM2837,
    ),
    "raspberrypi4-64": Board(
        ("start4.elf", "fixup4.dat"),
        "kernel8.img",
        frozenset({"bcm2711-rpi-4-b.dtb", "bcm2711-rpi-400.dtb", "bcm2711-rpi-cm4-io.dtb"}),
        (
            "brcm,bcm2711-cprman",
            "brcm,bcm2835-aux",
            "brcm,bcm2835-aux-uart",
            "brcm,bcm2711-gpio",
            "brcm,bcm2711-emmc2",
            "raspberrypi,firmware-gpio",
            "brcm,bcm2711-genet-v5",
            "brcm,bcm2711-pcie",
        ),
    ),
    "raspberrypi5": Board(
        (),
        "kernel_2712.img",
        frozenset({"bcm2712-rpi-5-b.dtb", "bcm2712-d-rpi-5-b.dtb"}),
        (
            "brcm,bcm2712-sdhci",
            "brcm,brcmstb-gpio",
            "brcm,brcmstb-reset",
            "brcm,bcm7216-pcie-sata-rescal",
            "brcm,bcm2712-mip",
            "brcm,bcm2712-pcie",
            "raspberrypi,rp1-clocks",
            "raspberrypi,rp1-gpio",
            "raspberrypi,rp1-gem",
        ),
    ),
}
BOARD = BOARDS[MACHINE]

# The position of an arm64 kernel's magic number.
MAGIC = slice(56, 60)


class BootPartition(unittest.TestCase):
    def test_firmware(self):
        for name in BOARD.firmware:
            content = (card().boot / name).read_bytes()
            self.assertTrue(content, name)
            self.assertEqual(content.startswith(b"\x7fELF"), name.endswith(".elf"), name)

    def test_kernel(self):
        self.assertEqual((card().boot / BOARD.kernel).read_bytes()[MAGIC], b"ARM\x64")
        named = [line for line in card().config()["all"] if line.startswith(("kernel=", "os_prefix=", "device_tree="))]
        self.assertEqual(named, [])

    def test_kernel_has_the_drivers(self):
        kernel = (card().boot / BOARD.kernel).read_bytes()
        trees = {name: (card().boot / name).read_bytes() for name in BOARD.device_trees}
        for name in BOARD.hardware:
            text = name.encode() + b"\0"
            self.assertTrue(text in kernel, f"the kernel has no driver for {name}")
            for tree, content in trees.items():
                self.assertTrue(text in content, f"{tree} has no {name}")

    def test_device_trees(self):
        self.assertEqual({path.name for path in card().boot.glob("*.dtb")}, BOARD.device_trees)
        self.assertIn("upstream_kernel=1", card().config()["all"])

    def test_overlays_exist(self):
        self.assertIn("mypoll", card().overlays())
        for name in card().overlays():
            self.assertTrue((card().boot / f"overlays/{name}.dtbo").is_file(), name)

    def test_overlay_applies_to_the_device_trees(self):
        with tempfile.TemporaryDirectory() as folder:
            merged = Path(folder) / "merged.dtb"
            for name in BOARD.device_trees:
                with self.subTest(name):
                    run("fdtoverlay", "-i", card().boot / name, "-o", merged, card().boot / "overlays/mypoll.dtbo")
                    self.assertEqual(run("fdtget", merged, "/events", "compatible").strip(), "mypoll,events")
                    self.assertEqual(run("fdtget", merged, "/events/line@0", "label").strip(), "button")

    def test_config_txt_lines_have_80_characters_at_most(self):
        for line in (card().boot / "config.txt").read_text().splitlines():
            self.assertLessEqual(len(line), 80, line)
