# SPDX-License-Identifier: MIT OR Apache-2.0
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from mypoll import kernel_config

RUST_FINE = "CONFIG_RUST_IS_AVAILABLE=y\n"


class Files(unittest.TestCase):
    """A configuration and its fragments, in a folder of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def lost(self, config, **fragments):
        paths = [self.write(f"{name}.cfg", text) for name, text in fragments.items()]
        return kernel_config.lost(paths, self.write(".config", config))

    def report(self, config, **fragments):
        return kernel_config.report(self.lost(config, **fragments))


class Comparison(Files):
    def test_what_was_asked_for_passes(self):
        lost = self.lost(
            'CONFIG_SMP=y\nCONFIG_LOCALVERSION="-mypoll"\nCONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n',
            base='# A comment = none\nCONFIG_SMP=y\nCONFIG_LOCALVERSION="-mypoll"\n',
            gpio="CONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n# CONFIG_UNKNOWN is not set\n",
        )
        self.assertEqual(lost, [])

    def test_every_kind_of_value_is_compared(self):
        for asked, came, value in [
            ("CONFIG_X=y", "", "n"),
            ("CONFIG_X=y", "# CONFIG_X is not set", "n"),
            ("CONFIG_X=m", "CONFIG_X=y", "y"),
            ("CONFIG_X=8", "CONFIG_X=64", "64"),
            ('CONFIG_X="-mypoll"', 'CONFIG_X=""', '""'),
            ("# CONFIG_X is not set", "CONFIG_X=y", "y"),
        ]:
            with self.subTest(asked=asked, came=came):
                report = self.report(came, base=asked)
                self.assertIn("CONFIG_X: base.cfg asks for ", report)
                self.assertTrue(report.endswith(f"the result has {value}"), report)

    def test_the_later_fragment_counts(self):
        fragments = {"base": "CONFIG_X=y\n", "debug": "# CONFIG_X is not set\n"}
        self.assertEqual(self.lost("", **fragments), [])
        self.assertIn("debug.cfg asks for n", self.report("CONFIG_X=y", **fragments))

    def test_all_that_was_lost_is_named(self):
        report = self.report("", base="CONFIG_X=y\nCONFIG_Y=m\n")
        self.assertIn("CONFIG_X:", report)
        self.assertIn("CONFIG_Y:", report)


class DroppedRust(Files):
    def test_it_comes_with_the_culprit_that_is_on(self):
        for config, culprit in [
            ("CONFIG_MODVERSIONS=y\n", "MODVERSIONS is on"),
            ("CONFIG_RANDSTRUCT=y\n", "RANDSTRUCT is on"),
            ("CONFIG_DEBUG_INFO_BTF=y\n", "DEBUG_INFO_BTF is on with a pahole"),
            (
                "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_PAHOLE_HAS_LANG_EXCLUDE=y\nCONFIG_LTO=y\n",
                "DEBUG_INFO_BTF and LTO",
            ),
        ]:
            with self.subTest(culprit=culprit):
                report = self.report(RUST_FINE + config, rust="CONFIG_RUST=y\n")
                self.assertIn("CONFIG_RUST: rust.cfg asks for y, the result has n", report)
                self.assertIn(culprit, report)
                self.assertEqual(len(report.splitlines()), 3, "only the culprit is named")

    def test_a_missing_toolchain_is_named(self):
        self.assertIn("RUST_IS_AVAILABLE is off", self.report("", rust="CONFIG_RUST=y\n"))

    def test_what_is_fine_is_not_named(self):
        config = RUST_FINE + "CONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y\n"
        self.assertNotIn("MODVERSIONS is on", self.report(config, rust="CONFIG_RUST=y\n"))

    def test_other_layers_fragments_are_told_apart(self):
        (self.folder / "ours").mkdir()
        self.write("ours/base.cfg", "CONFIG_X=y\n")
        self.write("base.cfg", "CONFIG_Y=y\n")
        paths = [self.folder / "ours/base.cfg", self.folder / "base.cfg"]
        lost = kernel_config.lost(paths, self.write(".config", ""))
        ours, others = kernel_config.split(lost, self.folder / "ours")
        self.assertEqual([option.option for option in ours], ["CONFIG_X"])
        self.assertEqual([option.option for option in others], ["CONFIG_Y"])


class Program(Files):
    def run_it(self, config):
        files = [self.write(".config", config), self.write("base.cfg", "CONFIG_X=y\n")]
        return subprocess.run([sys.executable, kernel_config.__file__, *files], check=False, capture_output=True, text=True)

    def test_it_fails_with_the_report(self):
        result = self.run_it("")
        self.assertEqual(result.returncode, 1)
        self.assertIn("CONFIG_X: base.cfg asks for y", result.stderr)

    def test_it_is_silent_when_nothing_was_lost(self):
        result = self.run_it("CONFIG_X=y\n")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
