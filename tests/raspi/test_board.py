# SPDX-License-Identifier: MIT OR Apache-2.0
"""A Raspberry Pi's image boots from its card in QEMU, and works."""

import json
import re
import tempfile
import unittest
from pathlib import Path

from board import Board

SPLAT_SIGNS = Path(__file__).resolve().parents[2] / "lib/oeqa/runtime/cases/mypoll_splat_signs.txt"


class Booted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.board = Board(Path(folder))
        cls.addClassCleanup(cls.board.stop)
        cls.board.log_in()

    def run_on_board(self, command, **options):
        status, output = self.board.run(command, **options)
        self.assertEqual(status, 0, f"`{command}` ended with status {status}:\n{output}")
        return output

    def test_root_is_on_the_card_and_read_only(self):
        (root,) = re.findall(r"(?m)^(\S+) / (\S+) (\S+)", self.run_on_board("cat /proc/mounts"))
        device, file_system, options = root
        self.assertRegex(device, r"^/dev/(root|mmcblk[01]p2)$")
        self.assertEqual(file_system, "ext4")
        self.assertIn("ro", options.split(","))
        self.assertIn("root=PARTUUID=", self.run_on_board("cat /proc/cmdline"))

    def test_data_partition_is_mounted(self):
        mounts = self.run_on_board("cat /proc/mounts")
        self.assertRegex(mounts, r"(?m)^/dev/mmcblk[01]p3 /data ext4 rw,")

    def test_overlays_button(self):
        self.assertRegex(self.run_on_board("cat /proc/modules"), r"(?m)^mypoll ")
        self.assertRegex(self.run_on_board("mypollctl lines"), r"\bbutton\b")

    def test_button_that_cannot_wake_the_board_works(self):
        self.assertIn("line@0: wakeup-source: the line's chip can't wake the machine", self.run_on_board("dmesg"))
        self.assertIn("label=button\n", self.run_on_board("cat /sys/class/misc/mypoll/lines"))

    def test_overlays_led(self):
        self.assertIn("[heartbeat]", self.run_on_board("cat /sys/class/leds/mypoll/trigger"))

    def test_agent_serves(self):
        # A client gets only events after the agent accepted it, and the agent may not listen yet: repeat until one arrives.
        received = self.run_on_board(
            "for try in $(seq 300); do"
            " pidof nc >/dev/null || { sleep 600 | nc 127.0.0.1 7070 >/tmp/received 2>/tmp/refused & };"
            " echo trigger >/dev/mypoll; sleep 0.2; grep -q . /tmp/received && break;"
            " done; killall nc sleep; cat /tmp/received /tmp/refused"
        )
        # init may print something in between.
        event = next((json.loads(line) for line in received.splitlines() if line.startswith("{")), None)
        self.assertIsNotNone(event, received)
        self.assertEqual((event["source"], event["kind"]), ("manual", "trigger"))

    def test_selftest_without_a_splat(self):
        self.run_on_board("/etc/init.d/mypoll-agent stop")
        self.addCleanup(self.run_on_board, "/etc/init.d/mypoll-agent start")
        # The deadline is long: the selftest's tests have their own.
        output = self.run_on_board("mypoll-selftest", deadline_s=3600)
        plan = re.search(r"(?m)^1\.\.(\d+)$", output)
        self.assertIsNotNone(plan, output)
        results = re.findall(r"(?m)^(not )?ok \d+", output)
        self.assertEqual(len(results), int(plan[1]), output)
        self.assertNotIn("not ", results, output)
        self.assertRegex(output, r"(?m)^ok (?!.*# SKIP)", "all tests were skipped")
        # The simulated lines exist.
        self.assertNotIn("# SKIP no gpio-sim", output)
        self.assert_no_splat()

    def assert_no_splat(self):
        log = self.run_on_board("dmesg")
        self.assertIn("Linux version", log, "the beginning of the log is lost: CONFIG_LOG_BUF_SHIFT is too small")
        signs = [sign for sign in SPLAT_SIGNS.read_text().splitlines() if sign and not sign.startswith("#")]
        found = [line for line in log.splitlines() if any(sign in line for sign in signs)]
        self.assertEqual(found, [], "the kernel reported bugs")
