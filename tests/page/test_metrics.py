# SPDX-License-Identifier: MIT OR Apache-2.0
"""The agent's metrics pass promtool, Prometheus's checker."""

import os
import subprocess
import unittest

from agent import Agent


class Metrics(unittest.TestCase):
    @unittest.skipUnless(
        "MYPOLL_PROMTOOL" in os.environ,
        os.environ.get("MYPOLL_NO_PROMTOOL", "MYPOLL_PROMTOOL is not set"),
    )
    def test_promtool_reports_nothing(self):
        with Agent() as agent:
            agent.send("rising 0")
            check = subprocess.run(
                [os.environ["MYPOLL_PROMTOOL"], "check", "metrics"],
                input=agent.get("metrics"),
                capture_output=True,
                check=False,
            )
            self.assertEqual((check.returncode, check.stdout + check.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
