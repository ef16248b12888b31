# SPDX-License-Identifier: MIT OR Apache-2.0
"""The webhooks of rules: validated by the CloudEvents SDK, with servers that are killed, and over TLS."""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import UTC, datetime

from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

PROGRAM = os.environ["MYPOLL_AGENT"]
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.py")
# Only ends a hang.
DEADLINE_S = 60

MACHINE = 'board "7" <é%>'
LABEL = 'porte d\'entrée "n° 1" 100%'


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)
    return found


class Server:
    """server.py in its own process."""

    def __init__(self, path, certificate=()):
        self.path = path
        self.certificate = certificate
        self.port = 0
        self.start()

    def start(self):
        command = [sys.executable, SERVER, str(self.port), self.path, *self.certificate]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def requests(self):
        with open(self.path, encoding="utf-8") as file:
            # The last line may be incomplete: a write across pages becomes visible page by page.
            return [json.loads(line) for line in file.read().split("\n")[:-1]]


class Webhooks(unittest.TestCase):
    """An agent whose rules send webhooks to servers."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        self.fifo = os.open(fifo, os.O_RDWR)
        self.addCleanup(os.close, self.fifo)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def server(self, name="requests", certificate=()):
        server = Server(self.path(name), certificate)
        self.addCleanup(server.kill)
        return server

    def agent(self, rules):
        config = self.path("agent.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""
stream = []
agent.machine = {json.dumps(MACHINE)}
journal.path = "{self.path("journal")}"
simulated = {{ path = "{self.path("fifo")}", labels = [{json.dumps(LABEL)}] }}
{rules}
""")
        log = self.enterContext(open(self.path("log"), "a", encoding="utf-8"))
        agent = subprocess.Popen([PROGRAM, "--config", config], stderr=log)

        def end():
            agent.kill()
            agent.wait()

        self.addCleanup(end)

    def simulate(self, *lines):
        os.write(self.fifo, "".join(f"{line}\n" for line in lines).encode())

    @staticmethod
    def numbers(server):
        return [json.loads(request["body"])["event"] for request in server.requests()]

    def check_event(self, event, number, kind):
        """Checks an event of the agent, in either mode."""
        self.assertIsInstance(event, CloudEvent)
        data = event.get_data()
        if isinstance(data, (bytes, str)):
            data = json.loads(data)
        self.assertEqual((data["event"], data["kind"], data["machine"]), (number, kind, MACHINE))
        self.assertEqual(event.get_id(), f"{data['session']}-{number}")
        self.assertEqual(event.get_source(), "/mypoll/board%20%227%22%20%3C%C3%A9%25%3E")
        self.assertEqual(event.get_type(), f"mypoll.{data['source']}.{kind}")
        self.assertEqual(event.get_specversion(), "1.0")
        self.assertEqual(event.get_datacontenttype(), "application/json")
        self.assertEqual(event.get_extension("sequence"), f"{number:016}")
        self.assertEqual(event.get_subject(), LABEL if data["source"] == "gpio" else None)
        age = datetime.now(UTC) - event.get_time()
        self.assertLess(abs(age.total_seconds()), DEADLINE_S)
        self.assertEqual(event.get_time(), datetime.fromisoformat(data["time"]))

    def test_sdk_accepts_both_modes(self):
        servers = {mode: self.server(mode) for mode in ("cloudevents", "cloudevents-binary")}
        self.agent(
            "".join(
                f"[[rule]]\nname = '{mode}'\n"
                f"webhook = {{ url = 'http://127.0.0.1:{server.port}/', format = '{mode}' }}\n"
                for mode, server in servers.items()
            )
        )
        self.simulate("rising 0", "tick")
        for mode, server in servers.items():
            wait_for(mode, lambda server=server: len(server.requests()) == 2)
            first, second = (
                from_http(HTTPMessage(request["headers"], request["body"].encode()), JSONFormat())
                for request in server.requests()
            )
            # Event 1 is the initial level.
            self.check_event(first, 2, "rising")
            self.check_event(second, 3, "tick")
        structured, binary = (server.requests()[0]["headers"] for server in servers.values())
        self.assertTrue(structured["content-type"].startswith("application/cloudevents+json"))
        self.assertFalse(any(name.lower().startswith("ce-") for name in structured))
        self.assertEqual(binary["content-type"], "application/json")

    def test_server_is_killed_repeatedly(self):
        server = self.server()
        self.agent(
            f"[[rule]]\nname = 'hook'\nwebhook = {{ url = 'http://127.0.0.1:{server.port}/', longest-pause = '20ms' }}\n"
        )
        for _ in range(10):
            before = len(server.requests())
            self.simulate(*["rising 0", "falling 0"] * 100)
            wait_for("more requests", lambda before=before: len(server.requests()) > before + 20)
            server.kill()
            server.start()
        wait_for("the last event", lambda: self.numbers(server)[-1] == 2001)
        numbers = self.numbers(server)
        self.assertEqual(sorted(set(numbers)), list(range(2, 2002)))
        # In order: only an event whose response was lost is repeated, immediately.
        self.assertEqual(numbers, sorted(numbers))
        self.assertLessEqual(len(numbers), 2000 + 10)

    def test_tls(self):
        certificate, key = self.path("cert.pem"), self.path("key.pem")
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        subprocess.run(
            [
                *command.split(),
                *(
                    "-addext",
                    "subjectAltName=DNS:localhost",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                ),
                *("-keyout", key, "-out", certificate),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        server = self.server("requests", (certificate, key))
        secret = self.path("secret")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("top-secret\n")
        rule = (
            "[[rule]]\nname = '{}'\nwebhook = {{ url = 'https://{}:{}/x', tls.ca = '{}', "
            "secret = {{ header = 'X-Api-Key', file = '{}' }} }}\n"
        )
        # The certificate is valid for localhost, not for 127.0.0.1.
        self.agent(
            rule.format("trusted", "localhost", server.port, certificate, secret)
            + rule.format("untrusted", "127.0.0.1", server.port, certificate, secret)
        )
        self.simulate("rising 0")
        wait_for("the event", lambda: os.path.exists(server.path) and server.requests())

        def log():
            with open(self.path("log"), encoding="utf-8") as file:
                return file.read()

        wait_for("the refusal", lambda: "cannot establish TLS with 127.0.0.1" in log())
        (request,) = server.requests()
        self.assertEqual(request["headers"]["x-api-key"], "top-secret")
        self.assertEqual(json.loads(request["body"])["rule"], "trusted")
        self.assertNotIn("top-secret", log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
