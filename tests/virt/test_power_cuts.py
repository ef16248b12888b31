# SPDX-License-Identifier: MIT OR Apache-2.0
"""Cuts the power at random moments of a first boot, of a later boot, and under load.

MYPOLL_IMAGE: the image for a Raspberry Pi, a .wic.zst with a root login. CUTS: the number of power cuts (3).
SEED: repeats the moments of an earlier run, which printed its seed.
"""

import os
import random
import re
import select
import sys
import tempfile
import time
import unittest
from pathlib import Path

import pytest
from board import HOSTNAME, Board, Session
from card import MIB, Card, partitions
from init_system import INIT
from write_cache import SECTOR

BOOT_FILES = {"mypoll-agent.toml": '[[stream]]\nlisten = "0.0.0.0:7070"\ninsecure = true\n'}

# The start of the agent, in seconds after the kernel's: field 22 is in hundredths.
AGENT_START = "awk '{print $22 / 100}' /proc/$(pidof mypoll-agent)/stat"

KINDS = ["load", "boot", "first boot"]
# Maximum seconds of load before the power cut.
LOAD_S = 5


# 30 cuts take hours on a busy machine. The phase has its own limit.
@pytest.mark.timeout(0)
class PowerCuts(unittest.TestCase):
    def setUp(self):
        self.image = os.environ["MYPOLL_IMAGE"]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cards = 0
        self.insert_new_card()
        self.board = Board(self.folder, self.card)

    def insert_new_card(self):
        self.cards += 1
        self.card = Card(self.folder / f"card{self.cards}", self.image, BOOT_FILES)
        # The files that were synced to it, and the time of the last proper power-off.
        self.synced, self.switched_off = set(), 0

    def power_on(self):
        self.session = Session(self.board, self.card)
        self.addCleanup(self.session.stop)

    def test_power_cuts(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        cuts = int(os.environ.get("CUTS", "3"))
        self.say(f"SEED={seed} CUTS={cuts}")
        rng = random.Random(seed)
        # Separate: the number of its draws depends on the board. Another seed: else the first share would follow the first delay.
        self.cache_rng = random.Random(f"cache {seed}")
        self.power_on()
        intervals = {"first boot": self.boot()}
        for number in range(cuts):
            kind = KINDS[number % len(KINDS)]
            if kind == "load":
                self.cut_under_load(rng)
            else:
                self.switch_off()
                if kind == "first boot":
                    self.insert_new_card()
                self.cut_at_boot(intervals[kind], rng)
            self.card.check()
            self.power_on()
            intervals["boot"] = self.boot()

    def say(self, text):
        print(f"power cuts: {text}", file=sys.stderr, flush=True)

    def boot(self):
        """
        Waits until the board has booted, and checks it. Returns the intervals between the marks in the console's output: the
        mark at the beginning of each, and its length in seconds. A cut first chooses an interval, so that short phases of a
        boot are cut as often as long ones.
        """
        session = self.session
        seen = {"": 0.0}

        def agent_starts():
            for mark in INIT.MARKS:
                if mark not in seen and re.search(mark, session.console()):
                    seen[mark] = time.monotonic() - session.started
            return INIT.MARKS[-1] in seen

        session.wait("the start of the agent", agent_starts)
        session.log_in()
        self.assertIn(b'"kind":"trigger"', session.event())
        self.assertEqual(session.run("hostname").strip(), HOSTNAME)
        start, size = partitions(self.card.cache.copy)["data"]
        self.assertGreater(start + size, self.card.size - 2 * MIB, "the data partition did not grow")
        # The kernel keeps the old partition table until it is told of the new one.
        self.assertEqual(int(session.run("cat /sys/class/block/vda3/size")) * SECTOR, size)
        blocks = int(session.run("df -k /data | tail -n 1 | awk '{print $2}'")) * 1024
        self.assertGreater(blocks, size * 0.9, "the file system did not grow")
        self.assertNotIn("EXT4-fs error", session.run("dmesg"))
        earliest = self.switched_off - INIT.CLOCK_BACK_S
        self.assertGreaterEqual(int(session.run("date +%s")), earliest, "the clock went back")
        lost = self.synced - session.written()
        self.assertFalse(lost, f"synced files are lost: {sorted(lost)}")
        started = float(session.run(AGENT_START))
        self.say(f"booted, agent started {started:.1f} s after the kernel")
        times = list(seen.values())
        return [(mark, end - start) for mark, start, end in zip(seen, times, times[1:])]

    def cut_at_boot(self, intervals, rng):
        mark, length = rng.choice(intervals)
        delay = rng.uniform(0, length)
        self.power_on()
        self.session.wait(mark, lambda: re.search(mark, self.session.console()))
        time.sleep(delay)
        self.cut(f"{delay:.2f} s after {mark or 'power-on'}")

    def cut_under_load(self, rng):
        load = self.session.start_load()
        self.session.wait("the first write", lambda: select.select([load.stdout], [], [], 0)[0])
        delay = rng.uniform(0, LOAD_S)
        time.sleep(delay)
        self.cut(f"after {delay:.2f} s of load")
        synced = load.communicate()[0].split()
        self.assertTrue(synced, "no file was synced")
        self.synced.update(map(int, synced))
        self.say(f"{len(self.synced)} files are synced to the card")

    def cut(self, moment):
        """The card loses a random share of its cached writes."""
        share = self.cache_rng.random()
        cached, lost = self.session.cut(lambda: self.cache_rng.random() >= share)
        self.say(f"cut {moment}: {lost} of {cached} cached writes lost")

    def switch_off(self):
        self.switched_off = int(self.session.run("date +%s"))
        self.session.power_off()
        self.assertTrue(self.card.was_unmounted(), "poweroff left the data partition mounted")
