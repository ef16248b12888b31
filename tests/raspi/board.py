# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU's Raspberry Pi with a card. QEMU does not run the firmware: kernel, device tree and command line are read from the card's
first partition, as the firmware would. MYPOLL_QEMU: QEMU's path. MYPOLL_IMAGE, MYPOLL_MACHINE: see card.py."""

import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from card import MACHINE, card, run

DTS = Path(__file__).resolve().parents[2] / "recipes-kernel/linux/files/dts"
SIM = Path(__file__).with_name("sim.dtso")

# Only ends a hang.
DEADLINE_S = 600

# QEMU connects the Raspberry Pi 4's card to the controller that the real board uses for Wi-Fi. That controller's power sequence,
# and the supplies of the real card slot, are GPIOs of the firmware, which QEMU lacks.
WIFI, CARD_SLOT = "/soc/mmc@7e300000", "/emmc2bus/mmc@7e340000"

# QEMU resets the board as soon as its watchdog is started.
WATCHDOG = "/soc/watchdog@7e100000"

# HDMI's interrupt controller, whose registers QEMU lacks, and the header's serial port, for which QEMU never stops interrupting.
BROKEN = ("/soc/interrupt-controller@7ef00100", "/soc/serial@7e215040")

# The console is the other serial port, which the real boards use for Bluetooth.
CONSOLE, BLUETOOTH = "console=ttyAMA0,115200", "/soc/serial@7e201000/bluetooth"

PROMPT = "mypoll-test# "


def change_raspberry_pi_4(tree):
    run("fdtput", "-d", tree, WIFI, "mmc-pwrseq", "non-removable")
    run("fdtput", "-r", tree, f"{WIFI}/wifi@1")
    run("fdtput", "-d", tree, CARD_SLOT, "vqmmc-supply", "vmmc-supply")
    for node in BROKEN:
        run("fdtput", "-t", "s", tree, node, "status", "disabled")


@dataclass(frozen=True)
class Emulated:
    machine: str
    device_tree: str
    # Adapts the device tree to QEMU's board.
    change: Callable[[Path], None]


EMULATED = {
    "raspberrypi3-64": Emulated("raspi3b", "bcm2837-rpi-3-b.dtb", lambda tree: None),
    "raspberrypi4-64": Emulated("raspi4b", "bcm2711-rpi-4-b.dtb", change_raspberry_pi_4),
}[MACHINE]


def with_led(overlay, folder):
    """The overlay with the parts enabled that the firmware enables for led=on."""
    source, result = folder / "led.dts", folder / "led.dtbo"
    source.write_text(run("dtc", "-q", "-I", "dtb", "-O", "dts", overlay).replace("__dormant__", "__overlay__"))
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result, source)
    return result


def device_tree(folder):
    """The card's device tree with its overlays and simulated lines, adapted to QEMU."""
    tree, sim = folder / "board.dtb", folder / "sim.dtbo"
    overlays = [card().boot / f"overlays/{name}.dtbo" for name in card().overlays()]
    if "dtoverlay=mypoll,led=on" in card().config()["all"]:
        overlays = [with_led(overlay, folder) if overlay.stem == "mypoll" else overlay for overlay in overlays]
    run("dtc", "-q", "-@", "-i", DTS, "-I", "dts", "-O", "dtb", "-o", sim, SIM)
    run("fdtoverlay", "-i", card().boot / EMULATED.device_tree, "-o", tree, *overlays, sim)
    run("fdtput", "-r", tree, BLUETOOTH)
    run("fdtput", "-t", "s", tree, WATCHDOG, "status", "disabled")
    # Like dtoverlay=mypoll,wakeup=on: these chips refuse it with an unusual error.
    run("fdtput", tree, "/events/line@0", "wakeup-source")
    EMULATED.change(tree)
    return tree


class Board:
    """Boots immediately. `console` is its output."""

    def __init__(self, folder):
        sd = folder / "sd.img"
        run("cp", "--sparse=always", card().image, sd)
        # QEMU accepts only powers of two as card sizes.
        os.truncate(sd, 1 << (card().image.stat().st_size - 1).bit_length())
        command = [os.environ["MYPOLL_QEMU"], "-machine", EMULATED.machine, "-display", "none", "-monitor", "none", "-no-reboot"]
        command += ["-kernel", card().boot / "kernel8.img", "-dtb", device_tree(folder)]
        command += ["-append", f"{card().command_line()} {CONSOLE}", "-drive", f"if=sd,format=raw,file={sd}"]
        command += ["-serial", "stdio"]
        self.console = ""
        self._read = 0
        self._qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._qemu.stdout, selectors.EVENT_READ)

    def wait_for_login(self):
        self._wait_for(r" login: ")

    def log_in(self):
        self.wait_for_login()
        self._type("root")
        self._wait_for(r"[#$] ")
        # Without an echo, nor the prompt in the command itself, nor wrapped lines.
        self._type(f"stty -echo cols 500; PS1='{PROMPT[:-2]}''# '")
        self._wait_for(f"\n{PROMPT}")
        # No kernel messages between the output of commands.
        self.run("dmesg -n 1")

    def run(self, command, deadline_s=DEADLINE_S):
        """The command's exit status and output."""
        self._type(f"({command}); echo \"status=$?\"")
        text = self._wait_for(f"status=[0-9]+\r\n{PROMPT}", deadline_s).replace("\r", "")
        output, status = re.fullmatch(r"(?s)(.*)status=([0-9]+)\n.*", text).groups()
        return int(status), output

    def stop(self):
        self._qemu.kill()
        self._qemu.communicate()

    def _type(self, line):
        self._qemu.stdin.write(f"{line}\n".encode())
        self._qemu.stdin.flush()

    def _wait_for(self, pattern, deadline_s=DEADLINE_S):
        """Waits for output that matches. Returns the output since the previous match, up to the end of this one."""
        start, deadline = self._read, time.monotonic() + deadline_s
        while not (found := re.compile(pattern).search(self.console, start)):
            if not self._selector.select(deadline - time.monotonic()):
                raise TimeoutError(f"{pattern!r} is not in:\n{self.console[start:]}")
            if not (chunk := os.read(self._qemu.stdout.fileno(), 1 << 16)):
                raise EOFError(f"QEMU ended:\n{self.console[start:]}")
            self.console += chunk.decode(errors="replace")
        self._read = found.end()
        return self.console[start : self._read]
