# SPDX-License-Identifier: MIT OR Apache-2.0
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from mypoll import kernel_config

REPOSITORY = Path(__file__).parents[2]
FRAGMENTS = REPOSITORY / "recipes-kernel/linux/files/fragments"


class KernelConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def lost(self, config, *fragments):
        files = [self.file(f"{number}.cfg", text) for number, text in enumerate(fragments)]
        return kernel_config.lost(files, self.file("config", config))

    def test_options_are_read(self):
        options = kernel_config.parse('# a comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x y"\n\nCONFIG_D=0x10\n')
        self.assertEqual(options, {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": '"x y"', "CONFIG_D": "0x10"})

    def test_nothing_is_lost(self):
        self.assertEqual(self.lost("CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=y\nCONFIG_B=n\nCONFIG_C=n\n"), [])

    def test_lost_options_are_named_with_their_fragment(self):
        lost = self.lost("CONFIG_A=m\n", "CONFIG_A=y\n", "CONFIG_B=y\n")
        self.assertEqual([str(option) for option in lost], [
            "CONFIG_A: 0.cfg asks for y, the result has m",
            "CONFIG_B: 1.cfg asks for y, the result has n",
        ])

    def test_later_fragment_counts(self):
        self.assertEqual(self.lost("CONFIG_A=m\n", "CONFIG_A=y\n", "CONFIG_A=m\n"), [])
        self.assertEqual(self.lost("", "CONFIG_A=y\n", "# CONFIG_A is not set\n"), [])

    def hints(self, config):
        (lost,) = self.lost(config, "CONFIG_RUST=y\n")
        return lost.hints

    def test_why_rust_was_dropped(self):
        there = "CONFIG_RUST_IS_AVAILABLE=y\n"
        for config, hint in [
            ("", "make rustavailable"),
            (f"{there}CONFIG_MODVERSIONS=y\n", "GENDWARFKSYMS"),
            (f"{there}CONFIG_RANDSTRUCT=y\n", "RANDSTRUCT_NONE"),
            (f"{there}CONFIG_DEBUG_INFO_BTF=y\n", "pahole"),
            (f"{there}CONFIG_DEBUG_INFO_BTF=y\nCONFIG_PAHOLE_HAS_LANG_EXCLUDE=y\nCONFIG_LTO=y\n", "turn one off"),
        ]:
            with self.subTest(config):
                (found,) = self.hints(config)
                self.assertIn(hint, found)

    def test_what_does_no_harm_is_no_reason(self):
        harmless = "CONFIG_RUST_IS_AVAILABLE=y\nCONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y\n"
        self.assertEqual(self.hints(harmless), [])

    def test_fragments_of_the_layer(self):
        fragments = sorted(FRAGMENTS.glob("*.cfg"))
        self.assertIn("rust.cfg", [path.name for path in fragments])
        for path in fragments:
            with self.subTest(path.name):
                self.assertTrue(kernel_config.parse(path.read_text(encoding="utf-8")))

    def program(self, config):
        fragment = self.file("rust.cfg", "CONFIG_RUST=y\n")
        command = [sys.executable, kernel_config.__file__, self.file("config", config), fragment]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_program(self):
        self.assertEqual(self.program("CONFIG_RUST=y\n").returncode, 0)
        failed = self.program("CONFIG_MODVERSIONS=y\nCONFIG_RUST_IS_AVAILABLE=y\n")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("CONFIG_RUST: rust.cfg asks for y, the result has n\n    MODVERSIONS is on", failed.stderr)


if __name__ == "__main__":
    unittest.main()
