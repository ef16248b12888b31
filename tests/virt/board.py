# SPDX-License-Identifier: MIT OR Apache-2.0
"""A board with a card: QEMU's "virt", which also boots the Raspberry Pi's kernel."""

import re
import socket
import subprocess
import time
from pathlib import Path

import write_cache
from commands import run

SERIAL_NUMBER = "10000000a1b2c3d4"
HOSTNAME = "mypoll-a1b2c3d4"
AGENT_PORT = 7070

# Only ends a hang.
DEADLINE_S = 300

MACHINE = ["-machine", "virt", "-cpu", "cortex-a57", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Board:
    """
    Boots the kernel and command line of the card's boot partition. `folder` is for temporary files, `devices` are additional options
    of QEMU.
    """

    def __init__(self, folder, card, *devices):
        self.folder = Path(folder)
        self.devices = devices
        self.kernel = card.boot_file("kernel8.img", self.folder / "kernel8.img")
        cmdline = card.boot_file("cmdline.txt", self.folder / "cmdline.txt").read_text(encoding="ascii")
        # Use this board's serial port.
        self.cmdline = re.sub(r"\bconsole=\S+", "", cmdline.strip()) + " console=ttyAMA0 panic=-1"
        self.devicetree = self.folder / "virt.dtb"
        run("qemu-system-aarch64", *MACHINE, "-machine", f"dumpdtb={self.devicetree}")
        run("fdtput", "-t", "s", self.devicetree, "/", "serial-number", SERIAL_NUMBER)


class Session:
    """The board from power-on to power-off."""

    def __init__(self, board, card):
        self.log = board.folder / "console.log"
        # Remove the log of the previous session.
        self.log.unlink(missing_ok=True)
        self.cache = card.cache
        # Keeps the card's host key: a changed one is an error.
        self.known_hosts = card.file.with_suffix(".known_hosts")
        self.ssh_port, self.agent_port = free_port(), free_port()
        forwarded = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.agent_port}-:{AGENT_PORT}"
        self.process = subprocess.Popen(
            ["qemu-system-aarch64", *MACHINE]
            + ["-kernel", board.kernel, "-append", board.cmdline, "-dtb", board.devicetree]
            + [*self.cache.power_on(), "-device", f"virtio-blk-pci,drive=card,{write_cache.DISK}"]
            + ["-netdev", f"user,id=net,{forwarded}", "-device", "virtio-net-pci,netdev=net,romfile="]
            + ["-device", "virtio-rng-pci", "-serial", f"file:{self.log}", *board.devices]
            # A board without a battery-backed clock. QEMU exits on a reboot.
            + ["-rtc", "base=2000-01-01", "-no-reboot"]
        )
        self.started = time.monotonic()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def cut(self, is_kept):
        """Cuts the power. Parameter and result: see WriteCache.power_off."""
        self.stop()
        return self.cache.power_off(is_kept)

    def console(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait(self, what, condition):
        """Waits until `condition` is true, and returns its value."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = condition()
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{what} did not happen; the end of the console's output:\n{self.console()[-4000:]}")

    def ssh(self, script):
        """The command line that runs `script` on the board as root."""
        return [
            *("ssh", "-F", "none", "-p", str(self.ssh_port), "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=accept-new"),
            *("-o", "BatchMode=yes", "-o", "PreferredAuthentications=none", "-o", "ServerAliveInterval=15"),
            *("root@127.0.0.1", script),
        ]

    def run(self, script):
        return run(*self.ssh(script), timeout=DEADLINE_S)

    def log_in(self):
        """Waits for a login as root. Fails immediately if the host key changed."""

        def logged_in():
            ended = subprocess.run(self.ssh("true"), check=False, capture_output=True, text=True)
            if "HOST IDENTIFICATION HAS CHANGED" in ended.stderr:
                raise AssertionError(ended.stderr)
            return ended.returncode == 0

        self.wait("an SSH login", logged_in)

    def event(self):
        """Triggers an event, and returns the agent's line."""

        def received():
            # QEMU accepts a connection even if no program on the board does, and then closes it.
            with socket.create_connection(("127.0.0.1", self.agent_port)) as client:
                client.settimeout(1)
                self.run("echo trigger >/dev/mypoll")
                try:
                    return client.recv(4096)
                except (TimeoutError, ConnectionResetError):
                    return None

        return self.wait("the agent's line", received)

    def power_off(self):
        """Shuts down properly."""
        subprocess.run(self.ssh("poweroff"), check=False, capture_output=True)
        self.process.wait(DEADLINE_S)
        # The card writes its whole cache.
        self.cache.power_off(lambda: True)

    def start_load(self):
        """
        Starts endless events and writes to /data: unsynced ones, and numbered files. Returns a process that prints the number of
        each file after it was synced.
        """
        for endless in (
            "echo trigger >/dev/mypoll",
            "dd if=/dev/zero of=/data/unsynced bs=64k count=64; rm /data/unsynced",
        ):
            self.run(f"while :; do {endless}; done </dev/null >/dev/null 2>&1 &")
        script = """
            mkdir -p /data/written && cd /data/written || exit
            n=$(ls | wc -l)
            while n=$((n + 1)) && echo $n >$n && sync; do echo $n; done
        """
        return subprocess.Popen(self.ssh(script), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def written(self):
        """The numbers of the intact files of start_load(): not of empty or torn ones."""
        listed = self.run("cd /data/written 2>/dev/null && grep . -r . || :")
        pairs = re.findall(r"(?m)^\./(\d+):(\d+)$", listed)
        return {int(number) for name, number in pairs if name == number}
