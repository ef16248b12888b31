# SPDX-License-Identifier: MIT OR Apache-2.0
"""The layer's units and scripts with systemd, on a real partition layout. MYPOLL_IMAGE: the image, a .wic.zst."""

import os
import tempfile
import unittest
from pathlib import Path

from board import DEADLINE_S, HOSTNAME, Board, Session
from card import Card
from commands import run

NAME = "mypoll-agent.toml"
ERROR = "mypoll-agent-error.txt"
GOOD = '[[stream]]\nlisten = "0.0.0.0:7070"\ninsecure = true\n'
BAD = "[[stream]]\nlisten = 7070\n"


class Layer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.card = Card(self.folder / "card", os.environ["MYPOLL_IMAGE"], {NAME: GOOD})
        self.board = Board(self.folder, self.card)

    def power_on(self):
        session = Session(self.board, self.card)
        self.addCleanup(session.stop)
        session.log_in()
        return session

    def put_on_the_boot_partition(self, name, text):
        run("mcopy", "-o", "-i", self.card.boot_partition(), "-", f"::{name}", input=text)

    def boot_partition(self):
        return run("mdir", "-b", "-i", self.card.boot_partition(), "::")

    def agent(self, session):
        """The agent's PID, or an empty string."""
        return session.run("pidof mypoll-agent || :").strip()

    def assert_event(self, session):
        self.assertIn(b'"kind":"trigger"', session.event())

    def test_services_start_and_restart(self):
        # The other tests have no watchdog: it would restart a board that a busy host stops for 15 s.
        self.board = Board(self.folder, self.card, "-device", "i6300esb")
        session = self.power_on()
        state = session.run("systemctl is-system-running --wait || :").strip()
        self.assertEqual(state, "running", session.run("systemctl --failed; journalctl --boot --priority=warning"))
        self.assert_event(session)

        self.assertEqual(session.run("hostname; cat /etc/hostname").split(), [HOSTNAME] * 2)
        # Not the machine ID, which is new at each boot.
        info = session.run("mypollctl --connect tcp:127.0.0.1:7070 info --json")
        self.assertIn(f'"machine":"{HOSTNAME}"', info)
        self.assertIn(session.run("cat /proc/sys/kernel/random/boot_id").strip(), info)
        mounts = session.run("cat /proc/mounts")
        self.assertRegex(mounts, r"(?m)^\S+ / ext4 ro,")
        for place in ("/data", "/var/lib"):
            self.assertRegex(mounts, rf"(?m)^/dev/vda3 {place} ext4 rw,nosuid,nodev,noatime")
        self.assertEqual(session.run("stat --format '%U %u' /var/lib/mypoll-agent").split(), ["mypoll", "800"])
        self.assertEqual(session.run("stat --format '%G %a' /dev/mypoll").split(), ["mypoll", "660"])
        # Services with state on the data partition start after it is mounted.
        times = [
            int(session.run(f"systemctl show --property {time} --value {unit}"))
            for unit, time in (
                ("data-partition", "ActiveEnterTimestampMonotonic"),
                ("systemd-timesyncd", "ExecMainStartTimestampMonotonic"),
                ("mypoll-agent", "ExecMainStartTimestampMonotonic"),
            )
        ]
        self.assertEqual(times, sorted(times))
        after = session.run("systemctl show --property After --value systemd-backlight@none.service")
        self.assertIn("data-partition.service", after.split())

        for end in ("systemctl restart mypoll-agent", "systemctl kill --signal=KILL mypoll-agent"):
            old = session.run("pidof mypoll-agent").strip()
            session.run(end)
            session.wait("another agent", lambda old=old: self.agent(session) not in ("", old))
            self.assert_event(session)

        # systemd feeds the board's watchdog. After it has crashed, nothing does, and the board restarts.
        self.assertEqual(session.run("cat /sys/class/watchdog/watchdog0/state").strip(), "active")
        session.run("kill -ABRT 1")
        session.process.wait(DEADLINE_S)
        self.assertNotIn("Kernel panic", session.console())

    def test_configuration_is_used_kept_and_removed(self):
        session = self.power_on()
        own = session.run(f"umount /etc/{NAME}; cat /etc/{NAME}")
        self.assert_event(session)
        session.power_off()

        self.put_on_the_boot_partition(NAME, BAD)
        session = self.power_on()
        self.assert_event(session)
        self.assertEqual(session.run(f"cat /etc/{NAME}"), GOOD)
        session.power_off()
        self.assertIn(ERROR, self.boot_partition())

        run("mdel", "-i", self.card.boot_partition(), f"::{NAME}")
        session = self.power_on()
        session.wait("the agent", lambda: self.agent(session))
        self.assertEqual(session.run(f"cat /etc/{NAME}"), own)
        session.power_off()
        self.assertNotIn(ERROR, self.boot_partition())
