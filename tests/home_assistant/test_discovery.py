# SPDX-License-Identifier: MIT OR Apache-2.0
"""Home Assistant's own schemas and templates accept the agent's discovery messages."""

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
# Only ends a hang.
DEADLINE_S = 60

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
    """The payloads of the next `count` messages of a topic."""
    payloads = []

    def run():
        messages = subscribe.simple(topic, msg_count=count, port=port, qos=1)
        messages = messages if isinstance(messages, list) else [messages]
        payloads.extend(message.payload.decode() for message in messages)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    if len(payloads) < count:
        raise TimeoutError(f"{len(payloads)} of {count} messages received on {topic}")
    return payloads


def line_of(entity):
    """The line number of an event entity, from its template."""
    return int(entity["value_template"].split("value_json.line == ")[1].split()[0])


class Discovery(unittest.IsolatedAsyncioTestCase):
    """The agent, a broker, and Home Assistant's code."""

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
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def announcement(self, orders):
        """The discovery message of an agent with these `orders`, once it is complete."""
        configuration = CONFIGURATION.replace("FOLDER", self.folder)
        configuration = configuration.replace("PORT", str(self.port)).replace(
            "ORDERS", orders
        )
        self.write("agent.toml", configuration)
        self.start(AGENT, "--config", self.path("agent.toml"))
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            topic = "homeassistant/device/mypoll-kitchen/config"
            announcement = json.loads(received(topic, self.port, 1)[0])
            if len(announcement["components"]) == 5:
                return announcement
            time.sleep(0.1)
        self.fail("not all lines and outputs were announced")

    def assert_no_key_dropped(self, given, validated):
        """Fails if Home Assistant's schema drops a key."""
        self.assertEqual(set(given) - set(validated) - {"platform"}, set())

    def assert_valid(self, announcement):
        """Fails if Home Assistant's schemas reject or drop anything."""
        validated = DEVICE_DISCOVERY_SCHEMA(announcement)
        self.assert_no_key_dropped(announcement, validated)
        for part in ("device", "origin"):
            self.assert_no_key_dropped(announcement[part], validated[part])
        # Home Assistant adds these to each component.
        shared = [*SHARED_OPTIONS, "device", "origin", "qos"]
        shared = {key: announcement[key] for key in shared if key in announcement}
        for key, entity in announcement["components"].items():
            name = f"homeassistant.components.mqtt.{entity['platform']}"
            given = {**shared, **entity}
            with self.subTest(key):
                self.assert_no_key_dropped(
                    given, importlib.import_module(name).DISCOVERY_SCHEMA(given)
                )

    def rendered(self, entity, payload):
        template = Template(entity["value_template"], self.hass)
        return template.async_render_with_possible_json_value(
            payload, "error", parse_result=False
        )

    async def test_schemas_accept_all_components(self):
        announcement = self.announcement('["output"]')
        self.assert_valid(announcement)
        platforms = [
            entity["platform"] for entity in announcement["components"].values()
        ]
        self.assertEqual(
            sorted(platforms),
            ["binary_sensor", "binary_sensor", "event", "event", "switch"],
        )

    async def test_output_without_orders_is_a_binary_sensor(self):
        announcement = self.announcement("[]")
        self.assert_valid(announcement)
        lamp = announcement["components"]["output-lamp"]
        self.assertEqual(lamp["platform"], "binary_sensor")

    async def test_event_entities_match_only_their_lines_events(self):
        announcement = self.announcement("[]")
        event = json.loads(self.event())
        components = announcement["components"].values()
        entities = [entity for entity in components if entity["platform"] == "event"]
        self.assertEqual(len(entities), 2)
        for entity in entities:
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
        """The payload of an event: toggles a line until one is received."""
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
