# SPDX-License-Identifier: MIT OR Apache-2.0
import json
import tempfile
import unittest
from pathlib import Path

import fetches


class Data(dict):
    """Variables, as bitbake's data store gives them."""

    getVar = dict.get


class FetchesTest(unittest.TestCase):
    def page(self, **builds):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder, f"{name}.json") for name in builds]
            for path, fetched in zip(paths, builds.values()):
                path.write_text(json.dumps(fetched), encoding="utf-8")
            return fetches.page(paths).splitlines()

    def test_each_fetch_is_there_once_with_its_builds(self):
        busybox = ["busybox 1.37.0", "https://example.org/busybox.tar.bz2", "abc"]
        gcc = ["gcc 15.2.0", "https://example.org/gcc.tar.xz", "def"]
        boot = ["bootfiles 1", "https://example.org/boot.tar.xz", "012"]
        page = self.page(qemuarm64=[busybox, gcc], pi=[boot, busybox, gcc], host=[busybox])
        self.assertEqual([line for line in page if line.startswith(("## ", "| b", "| g"))], [
            "## All builds",
            "| busybox 1.37.0 | https://example.org/busybox.tar.bz2 | abc |",
            "## All but host",
            "| gcc 15.2.0 | https://example.org/gcc.tar.xz | def |",
            "## pi",
            "| bootfiles 1 | https://example.org/boot.tar.xz | 012 |",
        ])

    def test_registries_are_not_named_by_host(self):
        mirrored = {"DEBIAN_MIRROR": "http://mirror.example/pool"}
        self.assertEqual(fetches.place("http://mirror.example/pool/main/a.tar.xz;name=a", Data(mirrored)),
                         "${DEBIAN_MIRROR}/main/a.tar.xz")
        python = {**mirrored, "PYPI_PACKAGE": "six"}
        self.assertEqual(fetches.place("https://registry.example/1/2/six-1.0.tar.gz", Data(python)),
                         "six-1.0.tar.gz of PyPI's six")


if __name__ == "__main__":
    unittest.main()
