# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the agent on this machine, with a FIFO as the source of events."""

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import urllib.request

PROGRAM = os.environ["MYPOLL_AGENT"]

HOSTILE = "<img src=x onerror=alert(1)>"
LABELS = ("front door", "button", HOSTILE)


class Agent:
    """Listens for HTTP. A restart keeps the port."""

    def __init__(self, http="control = true", labels=LABELS, more="", machine="test"):
        self.folder = tempfile.TemporaryDirectory()
        self.fifo_path = os.path.join(self.folder.name, "fifo")
        os.mkfifo(self.fifo_path)
        self.fifo = os.open(self.fifo_path, os.O_RDWR)
        self.sections = (http, labels, more, machine)
        self.port = 0
        self.start()

    def start(self):
        http, labels, more, machine = self.sections
        config = os.path.join(self.folder.name, "mypoll-agent.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""
stream = []
[agent]
machine = "{machine}"
[simulated]
path = "{self.fifo_path}"
labels = {json.dumps(labels)}
{more}
[[http]]
listen = "127.0.0.1:{self.port}"
{http}
""")
        self.process = subprocess.Popen(
            [PROGRAM, "--config", config], stderr=subprocess.PIPE, text=True
        )
        ports = queue.Queue()
        threading.Thread(target=self._log, args=(self.process, ports), daemon=True).start()
        self.port = ports.get(timeout=60)
        if not self.port:
            raise RuntimeError("the agent did not start")

    @staticmethod
    def _log(process, ports):
        with process.stderr as log:
            for line in log:
                if found := re.search(r"listening on .*:(\d+)", line):
                    ports.put(int(found.group(1)))
        ports.put(None)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path):
        """The response body for a path, as bytes."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def send(self, *events):
        """Simulates events."""
        os.write(self.fifo, "".join(f"{event}\n" for event in events).encode())

    def kill(self):
        """Ends the agent by SIGKILL."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        os.close(self.fifo)
        self.folder.cleanup()
