# SPDX-License-Identifier: MIT OR Apache-2.0
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from mypoll import kernel_config

RUST_AVAILABLE = "CONFIG_RUST_IS_AVAILABLE=y\n"


class Files(unittest.TestCase):
    """Writes a configuration and its fragments to a temporary folder."""

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
    def test_matching_options_pass(self):
        lost = self.lost(
            'CONFIG_SMP=y\nCONFIG_LOCALVERSION="-mypoll"\nCONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n',
            base='# A comment = none\nCONFIG_SMP=y\nCONFIG_LOCALVERSION="-mypoll"\n',
            gpio="CONFIG_KEYBOARD_GPIO=m\n# CONFIG_AIO is not set\n# CONFIG_UNKNOWN is not set\n",
        )
        self.assertEqual(lost, [])

    def test_every_kind_of_value_is_compared(self):
        for asked, result, value in [
            ("CONFIG_X=y", "", "n"),
            ("CONFIG_X=y", "# CONFIG_X is not set", "n"),
            ("CONFIG_X=m", "CONFIG_X=y", "y"),
            ("CONFIG_X=8", "CONFIG_X=64", "64"),
            ('CONFIG_X="-mypoll"', 'CONFIG_X=""', '""'),
            ("# CONFIG_X is not set", "CONFIG_X=y", "y"),
        ]:
            with self.subTest(asked=asked, result=result):
                report = self.report(result, base=asked)
                self.assertIn("CONFIG_X: base.cfg asks for ", report)
                self.assertTrue(report.endswith(f"the result has {value}"), report)

    def test_later_fragment_wins(self):
        fragments = {"base": "CONFIG_X=y\n", "debug": "# CONFIG_X is not set\n"}
        self.assertEqual(self.lost("", **fragments), [])
        self.assertIn("debug.cfg asks for n", self.report("CONFIG_X=y", **fragments))

    def test_all_lost_options_are_reported(self):
        report = self.report("", base="CONFIG_X=y\nCONFIG_Y=m\n")
        self.assertIn("CONFIG_X:", report)
        self.assertIn("CONFIG_Y:", report)


class DroppedRust(Files):
    def test_conflicting_option_is_named(self):
        for config, hint in [
            ("CONFIG_MODVERSIONS=y\n", "MODVERSIONS is on"),
            ("CONFIG_RANDSTRUCT=y\n", "RANDSTRUCT is on"),
            ("CONFIG_DEBUG_INFO_BTF=y\n", "DEBUG_INFO_BTF is on with a pahole"),
            (
                "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_PAHOLE_HAS_LANG_EXCLUDE=y\nCONFIG_LTO=y\n",
                "DEBUG_INFO_BTF and LTO",
            ),
        ]:
            with self.subTest(hint=hint):
                report = self.report(RUST_AVAILABLE + config, rust="CONFIG_RUST=y\n")
                self.assertIn("CONFIG_RUST: rust.cfg asks for y, the result has n", report)
                self.assertIn(hint, report)
                self.assertEqual(len(report.splitlines()), 3, "other hints were given")

    def test_missing_toolchain_is_named(self):
        self.assertIn("RUST_IS_AVAILABLE is off", self.report("", rust="CONFIG_RUST=y\n"))

    def test_valid_combination_is_not_named(self):
        config = RUST_AVAILABLE + "CONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y\n"
        self.assertNotIn("MODVERSIONS is on", self.report(config, rust="CONFIG_RUST=y\n"))

    def test_split_separates_other_layers_fragments(self):
        (self.folder / "ours").mkdir()
        self.write("ours/base.cfg", "CONFIG_X=y\n")
        self.write("base.cfg", "CONFIG_Y=y\n")
        paths = [self.folder / "ours/base.cfg", self.folder / "base.cfg"]
        lost = kernel_config.lost(paths, self.write(".config", ""))
        ours, others = kernel_config.split(lost, self.folder / "ours")
        self.assertEqual([option.option for option in ours], ["CONFIG_X"])
        self.assertEqual([option.option for option in others], ["CONFIG_Y"])


class Program(Files):
    def run_program(self, config):
        files = [self.write(".config", config), self.write("base.cfg", "CONFIG_X=y\n")]
        return subprocess.run([sys.executable, kernel_config.__file__, *files], check=False, capture_output=True, text=True)

    def test_lost_options_fail_with_a_report(self):
        result = self.run_program("")
        self.assertEqual(result.returncode, 1)
        self.assertIn("CONFIG_X: base.cfg asks for y", result.stderr)

    def test_success_is_silent(self):
        result = self.run_program("CONFIG_X=y\n")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
