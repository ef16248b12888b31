# SPDX-License-Identifier: MIT OR Apache-2.0
import unittest

from mypoll import kernel_errata

OFF = "# CONFIG_ARM64_ERRATUM_843419 is not set\n"
ON = "CONFIG_ARM64_ERRATUM_843419=y\n"


class Errata(unittest.TestCase):
    def test_other_options_are_kept(self):
        config = "CONFIG_SMP=y\n" + OFF + "CONFIG_CPU_MITIGATIONS=y\n# CONFIG_SOCIONEXT_SYNQUACER_PREITS is not set\n# the end\n"
        self.assertEqual(kernel_errata.without(config), "CONFIG_SMP=y\n# the end\n")

    def test_options_on_by_default_must_be_on(self):
        self.assertEqual(kernel_errata.off(OFF, ON), ["CONFIG_ARM64_ERRATUM_843419"])
        self.assertEqual(kernel_errata.off("", ON), ["CONFIG_ARM64_ERRATUM_843419"])
        self.assertEqual(kernel_errata.off(ON, ON), [])

    def test_options_off_by_default_may_be_on(self):
        self.assertEqual(kernel_errata.off(ON, OFF), [])

    def test_other_options_are_ignored(self):
        self.assertEqual(kernel_errata.off("", "CONFIG_CALL_PADDING=y\n"), [])

    def test_report_names_the_options_to_add(self):
        self.assertIn("\n  CONFIG_ARM64_ERRATUM_843419=y", kernel_errata.report(["CONFIG_ARM64_ERRATUM_843419"]))


if __name__ == "__main__":
    unittest.main()
