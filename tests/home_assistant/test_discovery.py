# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the agent announces to Home Assistant, judged by Home Assistant's own schemas and templates."""

import importlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from homeassistant.components.mqtt.schemas import (
    DEVICE_DISCOVERY_SCHEMA,
    SHARED_OPTIONS,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.util.json import json_loads_object
from paho.mqtt import subscribe

AGENT = os.environ["MYPOLL_AGENT"]
# Only so that a hang ends.
DEADLINE = 60

CONFIGURATION = """
agent.machine = "kitchen"
stream = []
[simulated]
path = "FOLDER/events"
labels = ["button", "Tür/1 {{ 1 + 1 }}"]
[[output]]
name = "lamp"
chip = "/dev/none"
line = 0
[[mqtt]]
broker = "127.0.0.1:PORT"
orders = ORDERS
home-assistant = {}
"""


def received(topic, port, count):
    """The payloads of the next messages of a topic."""
    payloads = []

    def run():
        messages = subscribe.simple(topic, msg_count=count, port=port, qos=1)
        messages = messages if isinstance(messages, list) else [messages]
        payloads.extend(message.payload.decode() for message in messages)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if len(payloads) < count:
        raise TimeoutError(f"{len(payloads)} of {count} messages came on {topic}")
    return payloads


def line_of(entity):
    """The number of the line that an event entity is of, as its template has it."""
    return int(entity["value_template"].split("value_json.line == ")[1].split()[0])


class Discovery(unittest.IsolatedAsyncioTestCase):
    """An agent, a broker, and Home Assistant's code."""

    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.write("broker", f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        path = os.environ["PATH"] + ":/usr/sbin"
        self.start(shutil.which("mosquitto", path=path), "-c", self.path("broker"))
        self.wait_for_broker()
        os.mkfifo(self.path("events"))
        self.fifo = os.open(self.path("events"), os.O_RDWR)
        self.addCleanup(os.close, self.fifo)
        self.hass = HomeAssistant(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, *command):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def wait_for_broker(self):
        end = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def announcement(self, orders):
        """The announcement of an agent that takes these orders, when all is in it."""
        configuration = CONFIGURATION.replace("FOLDER", self.folder)
        configuration = configuration.replace("PORT", str(self.port)).replace(
            "ORDERS", orders
        )
        self.write("agent.toml", configuration)
        self.start(AGENT, "--config", self.path("agent.toml"))
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            topic = "homeassistant/device/mypoll-kitchen/config"
            announcement = json.loads(received(topic, self.port, 1)[0])
            if len(announcement["components"]) == 5:
                return announcement
            time.sleep(0.1)
        self.fail("not all lines and outputs are announced")

    def all_is_known(self, given, taken):
        """Fails where Home Assistant would leave out a key."""
        self.assertEqual(set(given) - set(taken) - {"platform"}, set())

    def judge(self, announcement):
        """Has Home Assistant's schemas take all of it."""
        taken = DEVICE_DISCOVERY_SCHEMA(announcement)
        self.all_is_known(announcement, taken)
        for part in ("device", "origin"):
            self.all_is_known(announcement[part], taken[part])
        # What Home Assistant adds to each component.
        shared = [*SHARED_OPTIONS, "device", "origin", "qos"]
        shared = {key: announcement[key] for key in shared if key in announcement}
        for key, entity in announcement["components"].items():
            name = f"homeassistant.components.mqtt.{entity['platform']}"
            given = {**shared, **entity}
            with self.subTest(key):
                self.all_is_known(
                    given, importlib.import_module(name).DISCOVERY_SCHEMA(given)
                )

    def rendered(self, entity, payload):
        template = Template(entity["value_template"], self.hass)
        return template.async_render_with_possible_json_value(
            payload, "error", parse_result=False
        )

    async def test_the_schemas_take_it(self):
        announcement = self.announcement('["output"]')
        self.judge(announcement)
        platforms = [
            entity["platform"] for entity in announcement["components"].values()
        ]
        self.assertEqual(
            sorted(platforms),
            ["binary_sensor", "binary_sensor", "event", "event", "switch"],
        )

    async def test_an_output_without_orders_is_only_shown(self):
        announcement = self.announcement("[]")
        self.judge(announcement)
        lamp = announcement["components"]["output-lamp"]
        self.assertEqual(lamp["platform"], "binary_sensor")

    async def test_edges_and_gestures_are_events_and_nothing_else(self):
        announcement = self.announcement("[]")
        event = json.loads(self.event())
        entities = announcement["components"].values()
        for entity in (entity for entity in entities if entity["platform"] == "event"):
            line = line_of(entity)
            for kind in entity["event_types"]:
                payload = json.dumps({**event, "kind": kind, "line": line})
                attributes = json_loads_object(self.rendered(entity, payload))
                self.assertEqual(attributes["event_type"], kind)
                self.assertEqual(attributes["event"], event["event"])
            for other in ({"kind": "level"}, {"kind": "rising", "line": line + 1}):
                payload = json.dumps({**event, "line": line, **other})
                self.assertEqual(self.rendered(entity, payload), "")

    def event(self):
        """The payload of an event: a line changes until one came."""
        stop = threading.Event()

        def press():
            while not stop.wait(0.2):
                os.write(self.fifo, b"rising 0\nfalling 0\n")

        thread = threading.Thread(target=press)
        thread.start()
        try:
            return received("mypoll/kitchen/event/button", self.port, 1)[0]
        finally:
            stop.set()
            thread.join()


if __name__ == "__main__":
    unittest.main()
