# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The power goes at random moments, CUTS times (3): at a first boot, at a later one, and under load. MYPOLL_IMAGE is the image, a .wic.zst of a
Raspberry Pi that root can log in to. SEED, a number, repeats the moments of an earlier run, which says its own.
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

# When the agent was started, in seconds after the kernel: field 22 is in hundredths.
AGENT_AGE = "awk '{print $22 / 100}' /proc/$(pidof mypoll-agent)/stat"

KINDS = ["load", "boot", "first boot"]
# Of writing, before the power goes.
LOAD_S = 5


# 30 cuts take hours on a machine that does something else as well; the phase has a limit.
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
        # Numbers that were said to be on it, and the time when it was last switched off in order.
        self.acknowledged, self.switched_off = set(), 0

    def power_on(self):
        self.session = Session(self.board, self.card)
        self.addCleanup(self.session.stop)

    def test_power_cuts(self):
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        cuts = int(os.environ.get("CUTS", "3"))
        self.say(f"SEED={seed} CUTS={cuts}")
        moments = random.Random(seed)
        # Of its own, as how often it is asked depends on what the board does.
        self.luck = random.Random(seed)
        self.power_on()
        stretches = {"first boot": self.boot()}
        for number in range(cuts):
            kind = KINDS[number % len(KINDS)]
            if kind == "load":
                self.cut_under_load(moments)
            else:
                self.switch_off()
                if kind == "first boot":
                    self.insert_new_card()
                self.cut_at_boot(stretches[kind], moments)
            self.card.check()
            self.power_on()
            stretches["boot"] = self.boot()

    def say(self, text):
        print(f"power cuts: {text}", file=sys.stderr, flush=True)

    def boot(self):
        """
        Waits for all that a board has to do after power-on. Gives the stretches of its console's output: the mark at the
        beginning of each, and how long it takes, in seconds. The moments of cuts are drawn between two marks, so that what
        takes little time is cut as often as what takes long.
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
        # The disk's first partition table is in the kernel until it is told of the new one.
        self.assertEqual(int(session.run("cat /sys/class/block/vda3/size")) * SECTOR, size)
        blocks = int(session.run("df -k /data | tail -n 1 | awk '{print $2}'")) * 1024
        self.assertGreater(blocks, size * 0.9, "the file system did not grow")
        self.assertNotIn("EXT4-fs error", session.run("dmesg"))
        earliest = self.switched_off - INIT.CLOCK_BACK_S
        self.assertGreaterEqual(int(session.run("date +%s")), earliest, "the clock went back")
        lost = self.acknowledged - session.written()
        self.assertFalse(lost, f"said to be on the card and not there: {sorted(lost)}")
        up = float(session.run(AGENT_AGE))
        self.say(f"booted, agent {up:.1f} s after the kernel")
        times = list(seen.values())
        return [(mark, end - start) for mark, start, end in zip(seen, times, times[1:])]

    def cut_at_boot(self, stretches, moments):
        mark, length = moments.choice(stretches)
        delay = moments.uniform(0, length)
        self.power_on()
        self.session.wait(mark, lambda: re.search(mark, self.session.console()))
        time.sleep(delay)
        self.cut(f"{delay:.2f} s after {mark or 'power-on'}")

    def cut_under_load(self, moments):
        load = self.session.start_load()
        self.session.wait("the first write", lambda: select.select([load.stdout], [], [], 0)[0])
        delay = moments.uniform(0, LOAD_S)
        time.sleep(delay)
        self.cut(f"after {delay:.2f} s of load")
        said = load.communicate()[0].split()
        self.assertTrue(said, "nothing was ever said to be on the card")
        self.acknowledged.update(map(int, said))
        self.say(f"{len(self.acknowledged)} files are said to be on the card")

    def cut(self, moment):
        """Of what the card has only cached it loses all, nothing, or some: the share is drawn."""
        share = self.luck.random()
        cached, lost = self.session.cut(lambda: self.luck.random() >= share)
        self.say(f"cut {moment}: {lost} of {cached} cached writes lost")

    def switch_off(self):
        self.switched_off = int(self.session.run("date +%s"))
        self.session.power_off()
        self.assertTrue(self.card.was_unmounted(), "poweroff left the data partition mounted")
