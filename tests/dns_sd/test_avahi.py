# SPDX-License-Identifier: MIT OR Apache-2.0
"""The services that a real avahi-daemon announces after `mypoll-agent announce`, as seen by avahi-browse.

Requires root and its own namespaces (unshare --net --mount --pid --fork). Sets up a network with one interface, a copy of
/etc, and an empty /run.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["MYPOLL_AGENT"]
# A folder with the unpacked packages avahi-daemon and avahi-utils.
AVAHI = os.environ["MYPOLL_AVAHI"]
# Only ends a hang.
DEADLINE_S = 60

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


def run(*command):
    subprocess.run(command, check=True)


def environment():
    """With the path of the unpacked libraries."""
    folders = subprocess.run(
        ["find", AVAHI, "-maxdepth", "4", "-name", "libavahi-core.so.7", "-printf", "%h:"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return {**os.environ, "LD_LIBRARY_PATH": folders.strip(":")}


def prepare():
    """Sets up what the daemons expect of a system."""
    run("mount", "--make-rprivate", "/")
    copy = tempfile.mkdtemp()
    run("mount", "-n", "-t", "tmpfs", "tmpfs", copy)
    run("cp", "-a", "/etc/.", copy)
    run("mount", "-n", "--move", copy, "/etc")
    os.rmdir(copy)
    run("mount", "-n", "-t", "tmpfs", "tmpfs", "/run")
    if not os.path.isdir("/etc/avahi/services"):
        shutil.copytree(os.path.join(AVAHI, "etc/avahi"), "/etc/avahi", dirs_exist_ok=True)
    with open("/etc/passwd", encoding="utf-8") as file:
        if "\navahi:" not in file.read():
            with open("/etc/passwd", "a", encoding="utf-8") as users:
                users.write("avahi:x:65533:65533::/run/avahi-daemon:/bin/false\n")
            with open("/etc/group", "a", encoding="utf-8") as groups:
                groups.write("avahi:x:65533:\n")
    for command in (
        "link set lo up",
        "link add mypoll0 type veth peer name mypoll1",
        "link set mypoll0 up",
        "link set mypoll1 up",
        "address add 192.0.2.1/24 dev mypoll0",
    ):
        run("ip", *command.split())
    os.makedirs("/run/dbus")
    with open("/run/bus.conf", "w", encoding="utf-8") as file:
        file.write(BUS)


class Announced(unittest.TestCase):
    """A board with avahi."""

    @classmethod
    def setUpClass(cls):
        prepare()
        cls.daemons = [subprocess.Popen(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork"])]
        cls.wait_for(lambda: os.path.exists("/run/dbus/system_bus_socket"))
        daemon = os.path.join(AVAHI, "usr/sbin/avahi-daemon")
        # It drops root and uses a chroot, like in its package.
        cls.daemons.append(
            subprocess.Popen([daemon, "-f", "/etc/avahi/avahi-daemon.conf"], env=environment())
        )
        cls.wait_for(lambda: os.path.exists("/run/avahi-daemon/socket"))
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        for daemon in reversed(cls.daemons):
            daemon.terminate()
            daemon.wait()
        cls.folder.cleanup()

    @staticmethod
    def wait_for(condition):
        end = time.monotonic() + DEADLINE_S
        while not (found := condition()):
            if time.monotonic() > end:
                raise TimeoutError(condition)
            time.sleep(0.05)
        return found

    def configure(self, text):
        fifo = os.path.join(self.folder.name, "fifo")
        if not os.path.exists(fifo):
            os.mkfifo(fifo)
        path = os.path.join(self.folder.name, "agent.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"agent.machine = 'a \"board\" & <more>'\nsimulated.path = '{fifo}'\n{text}")
        return path

    def announce(self, text, *arguments):
        command = [PROGRAM, "--config", self.configure(text), "announce", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def browse(self):
        """The announced services: type, name, address, port, text."""
        output = subprocess.run(
            [os.path.join(AVAHI, "usr/bin/avahi-browse"), "-a", "-r", "-p", "-t", "-k"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ).stdout
        found = set()
        for line in output.splitlines():
            fields = line.split(";", 9)
            if fields[0] == "=" and fields[2] == "IPv4" and fields[1] == "mypoll0":
                found.add((fields[4], fields[3], fields[7], int(fields[8]), fields[9]))
        return found

    def assert_announced(self, *services):
        seen = set()

        def as_expected():
            nonlocal seen
            seen = {(kind, port) for kind, _, _, port, _ in self.browse()}
            return seen == set(services)

        try:
            self.wait_for(as_expected)
        except TimeoutError:
            self.fail(f"announced: {seen}, expected: {set(services)}")

    def test_announcements_follow_the_configuration(self):
        stream = "[[stream]]\nlisten = ['0.0.0.0:7070', '127.0.0.1:7090']\ninsecure = true\n"
        page = "[[http]]\nlisten = '0.0.0.0:8080'\ninsecure = true\n"
        hidden = "[[http]]\nlisten = '127.0.0.1:8081'\n"
        output = self.announce(stream + page + hidden)
        self.assertEqual(
            output, "_http._tcp on port 8080, by avahi\n_mypoll._tcp on port 7070, by avahi\n"
        )
        self.assert_announced(("_mypoll._tcp", 7070), ("_http._tcp", 8080))
        by_type = {kind: (name, address, text) for kind, name, address, _, text in self.browse()}
        name, address, text = by_type["_mypoll._tcp"]
        host = socket.gethostname().split(".")[0]
        self.assertEqual(name, rf"mypoll\032on\032{host}")
        self.assertEqual(address, "192.0.2.1")
        for record in (
            "txtvers=1",
            "protocol=1",
            "tls=0",
            "token=0",
            r"machine=a \"board\" & <more>",
        ):
            self.assertIn(f'"{record}"', text)
        self.assertIn('"path=/"', by_type["_http._tcp"][2])

        # The agent listens on the announced address.
        config = os.path.join(self.folder.name, "agent.toml")
        with subprocess.Popen([PROGRAM, "--config", config]) as agent:
            try:
                client = self.wait_for(lambda: self.connect(address, 7070))
                with client:
                    client.sendall(b"{}\n")
                    self.assertIn(b'"hello"', client.makefile("rb").readline())
            finally:
                agent.terminate()

        # Other ports, and two services of one type.
        self.announce(
            stream.replace("7070", "7071")
            + stream.replace("7070", "7072").replace(", '127.0.0.1:7090'", "")
        )
        self.assert_announced(("_mypoll._tcp", 7071), ("_mypoll._tcp", 7072))
        self.announce("agent.announce = false\n" + stream)
        self.assert_announced()
        self.announce(stream)
        self.assert_announced(("_mypoll._tcp", 7070))
        self.assertEqual(self.announce(stream, "--remove"), "nothing is announced\n")
        self.assert_announced()

    @staticmethod
    def connect(address, port):
        try:
            return socket.create_connection((address, port), timeout=DEADLINE_S)
        except ConnectionRefusedError:
            return None


if __name__ == "__main__":
    unittest.main()
