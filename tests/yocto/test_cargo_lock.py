# SPDX-License-Identifier: MIT OR Apache-2.0
import tempfile
import unittest
from pathlib import Path

from mypoll.cargo_lock import Crate, Unusable, crates

REPOSITORY = Path(__file__).parents[2]
AGENT = REPOSITORY / "recipes-apps/mypoll-agent/mypoll-agent/Cargo.lock"
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


class CargoLockTest(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "Cargo.lock")
            path.write_text(text, encoding="utf-8")
            return crates(path)

    def assert_refused(self, text, why):
        with self.assertRaisesRegex(Unusable, why):
            self.read(text)

    def test_crates_become_uris_with_checksums(self):
        found = self.read(f"""
            [[package]]
            name = "mypoll-agent"
            version = "0.1.0"

            [[package]]
            name = "libc"
            version = "0.2.170"
            source = "{CRATES_IO}"
            checksum = "abc"
        """)
        self.assertEqual(found, [Crate("libc", "0.2.170", "abc")])
        self.assertEqual(found[0].uri, "crate://crates.io/libc/0.2.170")
        self.assertEqual(found[0].checksum_flag, "libc-0.2.170.sha256sum")

    def test_agent(self):
        found = crates(AGENT)
        self.assertIn("tokio", {crate.name for crate in found})
        for crate in found:
            self.assertRegex(crate.sha256, "^[0-9a-f]{64}$", crate.name)

    def test_no_dependencies(self):
        self.assertEqual(self.read("version = 4"), [])

    def test_crate_from_another_source(self):
        package = '[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "git+https://example.org/a"'
        self.assert_refused(package, "a 1.0.0 comes from git.*use it from crates.io")

    def test_crate_without_checksum(self):
        package = f'[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "{CRATES_IO}"'
        self.assert_refused(package, "a 1.0.0 has no checksum: regenerate the file")

    def test_not_toml(self):
        self.assert_refused("[[package", "is not a valid Cargo.lock .*cargo generate-lockfile")

    def test_missing(self):
        with self.assertRaisesRegex(Unusable, "is missing: create it with 'cargo generate-lockfile'"):
            crates("no/such/Cargo.lock")


if __name__ == "__main__":
    unittest.main()
