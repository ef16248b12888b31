# SPDX-License-Identifier: MIT OR Apache-2.0
"""The overlay for the Raspberry Pi, applied to the device trees of the mainline kernel and of the vendor's.
MYPOLL_KERNEL_SOURCE: mainline's source. MYPOLL_VENDOR_TREES: a folder with the vendor's device trees;
MYPOLL_NO_VENDOR_TREES: why it is missing."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import libfdt
from dtparam import set_parameter
from schema import ROOT, validate

OVERLAY = ROOT / "recipes-kernel/linux/files/dts/mypoll.dtso"
# The overlay's parameters "gpio" and "label" are not the properties of these names. The recipe has the same options.
NO_WARNINGS = ("-W", "no-unit_address_vs_reg", "-W", "no-gpios_property", "-W", "no-label_is_string")
MAINLINE = (
    "bcm2837-rpi-3-a-plus",
    "bcm2837-rpi-3-b-plus",
    "bcm2837-rpi-zero-2-w",
    "bcm2711-rpi-4-b",
    "bcm2711-rpi-400",
    "bcm2711-rpi-cm4-io",
    "bcm2712-rpi-5-b",
)
VENDOR = ("bcm2710-rpi-3-b-plus", "bcm2711-rpi-4-b", "bcm2712-rpi-5-b")

ACTIVE_LOW = 0x1
PULL_UP, PULL_DOWN, PULL_DISABLE = 0x10, 0x20, 0x40

# The overlay's defaults for the line and the LED, in the form of Board.found().
BUTTON = {"gpio": 17, "flags": ACTIVE_LOW | PULL_UP, "label": "button", "debounce": 5, "edge": None, "wakeup": False}
LED = {"gpio": 27, "flags": 0, "trigger": "heartbeat"}


def run(*command):
    """The program's output, of both streams."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def compile_board(board, folder):
    source = Path(os.environ["MYPOLL_KERNEL_SOURCE"])
    boards = source / "arch/arm64/boot/dts/broadcom"
    includes = (f"-I{path}" for path in (source / "include", source / "scripts/dtc/include-prefixes", boards))
    dts, dtb = folder / f"{board}.dts", folder / f"{board}.dtb"
    run("cc", "-E", "-nostdinc", "-undef", "-D__DTS__", "-xassembler-with-cpp", *includes, "-o", dts, boards / f"{board}.dts")
    run("dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", dtb, dts)
    tree = libfdt.Fdt(dtb.read_bytes())
    if not tree.hasprop(tree.path_offset("/__symbols__"), "gpio"):
        # Like linux-mypoll.
        run("fdtput", "-t", "s", dtb, "/__symbols__", "gpio", run("fdtget", dtb, "/__symbols__", "rp1_gpio").strip())
    return dtb


def text(tree, node, name):
    return tree.getprop(node, name).as_str() if tree.hasprop(node, name) else None


def cells(tree, node, name):
    data = bytes(tree.getprop(node, name))
    return [int.from_bytes(data[start : start + 4], "big") for start in range(0, len(data), 4)]


def children(tree, path):
    node = tree.first_subnode(tree.path_offset(path), quiet=libfdt.QUIET_NOTFOUND)
    while node >= 0:
        yield node
        node = tree.next_subnode(node, quiet=libfdt.QUIET_NOTFOUND)


def resolved(tree, node):
    """The line of a gpios property, also through a GPIO nexus: path of the controller, number, flags."""
    phandle, number, flags = cells(tree, node, "gpios")
    chip = tree.node_offset_by_phandle(phandle)
    if tree.hasprop(chip, "gpio-map"):
        _, _, phandle, new_number, new_flags = cells(tree, chip, "gpio-map")
        keep_number, keep_flags = cells(tree, chip, "gpio-map-pass-thru")
        number = new_number & ~keep_number | number & keep_number
        flags = new_flags & ~keep_flags | flags & keep_flags
        chip = tree.node_offset_by_phandle(phandle)
    return tree.get_path(chip), number, flags


class Board(unittest.TestCase):
    """Base class: the overlay, and the device trees of `trees`, by board."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.boards = cls.trees()
        cls.overlay = cls.folder / "mypoll.dtbo"
        cls.warnings = run("dtc", "-@", *NO_WARNINGS, "-I", "dts", "-O", "dtb", "-o", cls.overlay, OVERLAY)

    def merged(self, base, parameters):
        """Applies the overlay with parameters to `base`, like the firmware."""
        overlay = libfdt.Fdt(bytearray(self.overlay.read_bytes()))
        for name, value in parameters.items():
            set_parameter(overlay, name, value)
        changed, result = self.folder / "changed.dtbo", self.folder / f"{base.stem}+.dtb"
        changed.write_bytes(overlay.as_bytearray())
        run("fdtoverlay", "-i", base, "-o", result, changed)
        return result

    def found(self, path):
        """The driver's lines by number, and the LEDs."""
        tree = libfdt.Fdt(path.read_bytes())
        header = text(tree, tree.path_offset("/__symbols__"), "gpio")
        lines, leds = {}, []
        for node in children(tree, "/events"):
            chip, number, flags = resolved(tree, node)
            self.assertEqual(chip, header)
            (index,) = cells(tree, node, "reg")
            self.assertEqual(tree.get_name(node), f"line@{index:x}")
            lines[index] = {
                "gpio": number,
                "flags": flags,
                "label": text(tree, node, "label"),
                "debounce": cells(tree, node, "debounce-interval")[0],
                "edge": text(tree, node, "mypoll,edge"),
                "wakeup": tree.hasprop(node, "wakeup-source"),
            }
        if tree.path_offset("/mypoll-leds", quiet=libfdt.QUIET_NOTFOUND) >= 0:
            for node in children(tree, "/mypoll-leds"):
                chip, number, flags = resolved(tree, node)
                self.assertEqual(chip, header)
                leds.append({"gpio": number, "flags": flags, "trigger": text(tree, node, "linux,default-trigger")})
        return lines, leds

    def validate(self, path):
        """Fails if a node violates the binding."""
        self.assertEqual(validate(path, "--limit", "mypoll,events"), "")

    def with_parameters(self, **parameters):
        """The lines and LEDs with these parameters, which must be the same on all boards. Underscores stand for hyphens."""
        parameters = {name.replace("_", "-"): value for name, value in parameters.items()}
        found = []
        for board, base in self.boards.items():
            with self.subTest(board=board, **parameters):
                merged = self.merged(base, parameters)
                self.validate(merged)
                found.append(self.found(merged))
                self.assert_same_by_dtmerge(base, parameters, found[-1])
        self.assertTrue(all(other == found[0] for other in found))
        return found[0]

    def assert_same_by_dtmerge(self, base, parameters, found):
        """The vendor's dtmerge, which shares the firmware's code, gives the same result, if it is installed."""
        if shutil.which("dtmerge"):
            merged = self.folder / "dtmerge.dtb"
            run("dtmerge", base, merged, self.overlay, *(f"{name}={value}" for name, value in parameters.items()))
            self.assertEqual(self.found(merged), found)


class Mainline(Board):
    @classmethod
    def trees(cls):
        return {board: compile_board(board, cls.folder) for board in MAINLINE}


class Vendor(Board):
    @classmethod
    def trees(cls):
        if "MYPOLL_NO_VENDOR_TREES" in os.environ:
            raise unittest.SkipTest(os.environ["MYPOLL_NO_VENDOR_TREES"])
        trees = {}
        for board in VENDOR:
            tree = trees[board] = cls.folder / f"{board}.dtb"
            shutil.copy(Path(os.environ["MYPOLL_VENDOR_TREES"], tree.name), tree)
            # dt-validate would check these by their names, as pins: an alias, and parameters of the tree itself.
            run("fdtput", "--remove", tree, "/__overrides__")
            if "gpio" in run("fdtget", "--properties", tree, "/aliases").split():
                run("fdtput", "--delete", tree, "/aliases", "gpio")
        return trees


class Parameters:
    def assert_line(self, parameters, **changes):
        self.assertEqual(self.with_parameters(**parameters), ({0: {**BUTTON, **changes}}, []))

    def test_no_parameters(self):
        self.assert_line({})

    def test_gpio(self):
        self.assert_line({"gpio": "22"}, gpio=22)

    def test_pull_and_active_low_are_independent(self):
        for pull, bias in (("up", PULL_UP), ("down", PULL_DOWN), ("off", PULL_DISABLE)):
            self.assert_line({"pull": pull}, flags=bias | ACTIVE_LOW)
            self.assert_line({"pull": pull, "active_low": "off"}, flags=bias)
            self.assert_line({"active_low": "on", "pull": pull}, flags=bias | ACTIVE_LOW)

    def test_other_parameters_of_a_line(self):
        parameters = {"label": "door", "edge": "rising", "debounce": "20", "wakeup": "on"}
        self.assert_line(parameters, label="door", edge="rising", debounce=20, wakeup=True)
        self.assert_line({"wakeup": "off"})

    def test_led(self):
        led = {"gpio": 5, "flags": ACTIVE_LOW, "trigger": "none"}
        found = self.with_parameters(led="on", led_gpio="5", led_active_low="on", led_trigger="none")
        self.assertEqual(found, ({0: BUTTON}, [led]))
        self.assertEqual(self.with_parameters(led="off"), ({0: BUTTON}, []))
        self.assertEqual(self.with_parameters(led="on"), ({0: BUTTON}, [LED]))

    def test_second_line(self):
        for base in self.boards.values():
            first = self.merged(base, {"led": "on"})
            both = self.merged(first, {"gpio": "22", "line": "1", "label": "door"})
            self.validate(both)
            self.assertEqual(self.found(both), ({0: BUTTON, 1: {**BUTTON, "gpio": 22, "label": "door"}}, [LED]))

    @unittest.skipUnless(shutil.which("dtmerge"), "dtmerge is not installed: its results are not compared")
    def test_dtmerge(self):
        """The other tests compare silently; this one is skipped if they can't."""
        self.with_parameters()

    def test_unknown_parameter(self):
        with self.assertRaises(KeyError):
            self.merged(self.boards["bcm2711-rpi-4-b"], {"gpios": "17"})

    def test_binding_is_checked(self):
        merged = self.merged(self.boards["bcm2711-rpi-4-b"], {"edge": "upwards"})
        with self.assertRaisesRegex(AssertionError, "'upwards' is not one of"):
            self.validate(merged)


class Warnings:
    def test_overlay_has_no_warnings(self):
        self.assertEqual(self.warnings, "")

    def test_overlay_adds_no_warnings(self):
        for base in self.boards.values():
            before = run("dtc", "-I", "dtb", "-O", "dtb", "-o", "/dev/null", base)
            after = run("dtc", "-I", "dtb", "-O", "dtb", "-o", "/dev/null", self.merged(base, {}))
            added = self.without_file(after) - self.without_file(before)
            self.assertEqual(added, set(), base.name)

    def without_file(self, warnings):
        return {line.partition(": ")[2] for line in warnings.splitlines()}


class MainlineParameters(Parameters, Mainline):
    pass


class MainlineWarnings(Warnings, Mainline):
    pass


class VendorParameters(Parameters, Vendor):
    pass


class VendorWarnings(Warnings, Vendor):
    pass
