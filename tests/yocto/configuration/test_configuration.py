# SPDX-License-Identifier: MIT OR Apache-2.0
"""Parses the layer's configuration with bitbake's parser, without a server. MYPOLL_LAYERS: a folder with bitbake,
openembedded-core, meta-raspberrypi and meta-rust-bin."""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

LAYERS = Path(os.environ["MYPOLL_LAYERS"])
sys.path[:0] = [str(LAYERS / "bitbake/lib"), str(LAYERS / "openembedded-core/meta/lib")]

import bb.data
import bb.parse
import bb.utils
from bb.parse.parse_py import BBHandler

REPOSITORY = Path(__file__).resolve().parents[3]
PROFILE = REPOSITORY / "meta-host-toolchain"
OTHERS = [LAYERS / "openembedded-core/meta", LAYERS / "meta-raspberrypi", LAYERS / "meta-rust-bin"]


def parse(machine, settings="", layers=(REPOSITORY,), distro="mypoll"):
    """Parses the configuration with `settings` in local.conf."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, "conf/local.conf")
        local.parent.mkdir()
        local.write_text(f'MACHINE = "{machine}"\nDISTRO = "{distro}"\n{settings}\n', encoding="utf-8")
        d = bb.data.init()
        d.setVar("TOPDIR", folder)
        d.setVar("BBPATH", folder)
        d.setVar("BB_CURRENT_MC", "default")
        for layer in [*OTHERS, *layers]:
            d.setVar("LAYERDIR", str(layer))
            d.setVar("LAYERDIR_RE", re.escape(str(layer)))
            d = bb.parse.handle(str(layer / "conf/layer.conf"), d, 0, True)
            d.expandVarref("LAYERDIR")
            d.expandVarref("LAYERDIR_RE")
        d.delVar("LAYERDIR")
        return bb.parse.handle("conf/bitbake.conf", d, 0, True)


class Settings(unittest.TestCase):
    def assert_values(self, d, **expected):
        self.assertEqual({name: d.getVar(name) for name in expected}, expected)

    def test_defaults(self):
        self.assert_values(
            parse("raspberrypi4-64"),
            CMDLINE_ROOT_PARTITION="PARTUUID=4d5b4f0c-02",
            DISTRO_NAME="mypoll",
            MYPOLL_OVERLAY="mypoll",
            USERADDEXTENSION="useradd-staticids",
            USERADD_ERROR_DYNAMIC="error",
            WKS_FILE="mypoll-sdcard.wks.in",
        )
        self.assert_values(parse("qemuarm64"), QB_DTB="mypoll-qemuarm64.dtb")

    def test_product_can_override(self):
        settings = {
            "CMDLINE_ROOT_PARTITION": "/dev/sda2",
            "DISTRO_NAME": "product",
            "DISTRO_VERSION": "7",
            "MYPOLL_OVERLAY": "",
            "USERADDEXTENSION": "",
            "USERADD_ERROR_DYNAMIC": "warn",
            "WKS_FILE:rpi": "product.wks",
        }
        d = parse("raspberrypi4-64", "\n".join(f'{name} = "{value}"' for name, value in settings.items()))
        self.assert_values(d, **{name.removesuffix(":rpi"): value for name, value in settings.items()})
        self.assert_values(parse("qemuarm64", 'QB_DTB:qemuarm64 = ""'), QB_DTB="")

    def test_other_distros_are_unchanged(self):
        self.assert_values(parse("raspberrypi4-64", distro="nodistro"), CMDLINE_ROOT_PARTITION=None, USERADD_UID_TABLES=None)


class Machines(unittest.TestCase):
    def sanity_error(self, machine):
        """The sanity check's message if it refuses the machine, else None."""
        d = parse(machine)
        d.setVar("__bbclasstype", "global")
        BBHandler.inherit("mypoll-sanity", "the test", 0, d)
        scope = {"bb": bb}
        bb.utils.simple_exec(f"def check(d):\n{d.getVar('mypoll_sanity', False)}", scope)
        with self.assertLogs("BitBake") as log:
            bb.note("assertLogs() fails without a message.")
            try:
                scope["check"](d)
            except bb.BBHandledException:
                return "\n".join(log.output)
        return None

    def test_supported(self):
        for machine in parse("qemuarm64").getVar("LINUX_MYPOLL_MACHINES").split():
            self.assertIsNone(self.sanity_error(machine), machine)

    def test_others_are_refused(self):
        for machine in (
            "qemuarm",
            "raspberrypi-armv8",
            "raspberrypi-cm5-io-board",
            "raspberrypi0-2w",
            "raspberrypi2-64",
            "raspberrypi4",
        ):
            message = self.sanity_error(machine)
            self.assertIsNotNone(message, machine)
            self.assertIn(f'linux-mypoll has no configuration for MACHINE "{machine}": choose one of qemuarm64', message)

    def test_another_kernel_supports_any_machine(self):
        d = parse("raspberrypi2-64", 'MYPOLL_KERNEL = "linux-raspberrypi"')
        self.assertEqual(d.getVar("PREFERRED_PROVIDER_virtual/kernel"), "linux-raspberrypi")


class Masks(unittest.TestCase):
    """The masks of meta-host-toolchain hide nothing of unknown layers."""

    @classmethod
    def setUpClass(cls):
        masks = parse("raspberrypi4-64", 'TCMODE = "host"', layers=(REPOSITORY, PROFILE)).getVar("BBMASK").split()
        cls.mask = re.compile("|".join(masks))

    def masked(self, layer, pattern):
        return {str(path.relative_to(layer)) for path in layer.glob(pattern) if self.mask.search(str(path))}

    def test_ours(self):
        self.assertEqual(
            self.masked(REPOSITORY, "**/*.bb*"),
            {
                "dynamic-layers/raspberrypi/recipes-kernel/linux/linux-raspberrypi_%.bbappend",
                "dynamic-layers/rust-bin-layer/recipes-devtools/rust-src-bin/rust-src-bin-native_1.95.0.bb",
                "dynamic-layers/rust-bin-layer/recipes-devtools/rust/cargo-bin-cross_%.bbappend",
                "dynamic-layers/rust-bin-layer/recipes-devtools/rust/rust-bin-cross_%.bbappend",
                "recipes-kernel/linux/linux-yocto_%.bbappend",
            },
        )

    def test_prebuilt_rust(self):
        masked = self.masked(LAYERS / "meta-rust-bin", "**/*.bb")
        self.assertTrue(masked)
        self.assertEqual({path for path in masked if not re.search("/(rust|cargo)-bin-cross", path)}, set())

    def test_unknown_layer(self):
        for path in (
            "recipes-kernel/linux/linux-yocto_%.bbappend",
            "recipes-devtools/rust/rust-bin-cross-%.bbappend",
            "dynamic-layers/rust-bin-layer/recipes-devtools/rust-src-bin/rust-src-bin-native_%.bbappend",
        ):
            self.assertIsNone(self.mask.search(f"/build/meta-product/{path}"), path)
