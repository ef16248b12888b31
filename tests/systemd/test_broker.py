# SPDX-License-Identifier: MIT OR Apache-2.0
"""After a power cut, an MQTT broker receives the events that it missed. MYPOLL_IMAGE: the image, a .wic.zst."""

import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from board import DEADLINE_S, Board, Session, free_port
from card import Card

EVENTS = 20

CONFIGURATION = """\
[journal]
path = "/var/lib/mypoll-agent/journal"
sync = "0s"  # An event is on the card before clients receive it.
[[stream]]
listen = "0.0.0.0:7070"
insecure = true
[[mqtt]]
broker = "10.0.2.2:{port}"
"""


class PowerCut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()
        files = {"mypoll-agent.toml": CONFIGURATION.format(port=self.port)}
        self.card = Card(self.folder / "card", os.environ["MYPOLL_IMAGE"], files)
        self.board = Board(self.folder, self.card)

    def power_on(self):
        self.session = Session(self.board, self.card)
        self.addCleanup(self.session.stop)
        self.session.log_in()

    def start(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def broker_listens(self):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def trigger(self):
        """Triggers events, and returns the numbers of those that a client received."""
        with socket.create_connection(("127.0.0.1", self.session.agent_port), timeout=DEADLINE_S) as client:
            lines = client.makefile("r", encoding="utf-8")
            client.sendall(b"{}\n")
            self.assertIn("hello", next(lines))
            self.session.run(f"for n in $(seq {EVENTS}); do echo trigger >/dev/mypoll; done")
            events = (json.loads(line) for line in lines)
            numbers = (event["event"] for event in events if event.get("kind") == "trigger")
            return {next(numbers) for _ in range(EVENTS)}

    def test_events_on_the_card_are_delivered(self):
        self.power_on()
        # Waits until the agent listens.
        self.session.event()
        numbers = self.trigger()
        # All cached writes are lost.
        self.session.cut(lambda: False)

        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n", encoding="ascii")
        broker = self.start("mosquitto", "-c", configuration)
        deadline = time.monotonic() + DEADLINE_S
        while not self.broker_listens():
            self.assertIsNone(broker.poll(), "mosquitto ended")
            self.assertLess(time.monotonic(), deadline, "mosquitto did not start to listen")
            time.sleep(0.1)
        limit = ("-W", str(DEADLINE_S))
        subscriber = self.start("mosquitto_sub", "-p", str(self.port), "-q", "1", "-t", "mypoll/+/event/#", *limit)
        self.power_on()
        for line in subscriber.stdout:
            numbers.discard(json.loads(line)["event"])
            if not numbers:
                break
        self.assertFalse(numbers, "events were never delivered")
