# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU's Raspberry Pi with a card in it. QEMU does not run the firmware: kernel, device tree and command line are taken from the
card's first partition, as the firmware would. MYPOLL_QEMU is the program; MYPOLL_IMAGE and MYPOLL_MACHINE: see card.py."""

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

# The Raspberry Pi 4's card is found on the controller that the real board has its Wi-Fi on, and that waits for a GPIO of the
# firmware's which QEMU lacks. The other one's supplies are such GPIOs, too.
WIFI, CARD_SLOT = "/soc/mmc@7e300000", "/emmc2bus/mmc@7e340000"

# QEMU resets the board as soon as anything starts its watchdog.
WATCHDOG = "/soc/watchdog@7e100000"

# HDMI's interrupt controller, whose registers QEMU has not, and the header's serial port, which QEMU interrupts for without end.
BROKEN = ("/soc/interrupt-controller@7ef00100", "/soc/serial@7e215040")

# The console is the other serial port, which the real boards have their Bluetooth at.
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
    # What QEMU's board needs another device tree for than the real one.
    change: Callable[[Path], None]


EMULATED = {
    "raspberrypi3-64": Emulated("raspi3b", "bcm2837-rpi-3-b.dtb", lambda tree: None),
    "raspberrypi4-64": Emulated("raspi4b", "bcm2711-rpi-4-b.dtb", change_raspberry_pi_4),
}[MACHINE]


def with_led(overlay, folder):
    """The overlay with what the firmware turns on for led=on."""
    source, result = folder / "led.dts", folder / "led.dtbo"
    source.write_text(run("dtc", "-q", "-I", "dtb", "-O", "dts", overlay).replace("__dormant__", "__overlay__"))
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", result, source)
    return result


def device_tree(folder):
    """The card's, with its overlays and simulated lines, and changed for QEMU."""
    tree, sim = folder / "board.dtb", folder / "sim.dtbo"
    overlays = [card().boot / f"overlays/{name}.dtbo" for name in card().overlays()]
    if "dtoverlay=mypoll,led=on" in card().config()["all"]:
        overlays = [with_led(overlay, folder) if overlay.stem == "mypoll" else overlay for overlay in overlays]
    run("dtc", "-q", "-@", "-i", DTS, "-I", "dts", "-O", "dtb", "-o", sim, SIM)
    run("fdtoverlay", "-i", card().boot / EMULATED.device_tree, "-o", tree, *overlays, sim)
    run("fdtput", "-r", tree, BLUETOOTH)
    run("fdtput", "-t", "s", tree, WATCHDOG, "status", "disabled")
    # As dtoverlay=mypoll,wakeup=on: these chips refuse with another error than most.
    run("fdtput", tree, "/events/line@0", "wakeup-source")
    EMULATED.change(tree)
    return tree


class Board:
    """Boots at once. What it says is in `said`."""

    def __init__(self, folder):
        sd = folder / "sd.img"
        run("cp", "--sparse=always", card().image, sd)
        # QEMU takes cards of such sizes only.
        os.truncate(sd, 1 << (card().image.stat().st_size - 1).bit_length())
        command = [os.environ["MYPOLL_QEMU"], "-machine", EMULATED.machine, "-display", "none", "-monitor", "none", "-no-reboot"]
        command += ["-kernel", card().boot / "kernel8.img", "-dtb", device_tree(folder)]
        command += ["-append", f"{card().command_line()} {CONSOLE}", "-drive", f"if=sd,format=raw,file={sd}"]
        command += ["-serial", "stdio"]
        self.said = ""
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
        # What is typed is not to be found in what is said, and no line is folded.
        self._type(f"stty -echo cols 500; PS1='{PROMPT[:-2]}''# '")
        self._wait_for(f"\n{PROMPT}")
        # What the kernel says is in its log.
        self.run("dmesg -n 1")

    def run(self, command, deadline_s=DEADLINE_S):
        """The command's exit status and output."""
        self._type(f"({command}); echo \"status=$?\"")
        said = self._wait_for(f"status=[0-9]+\r\n{PROMPT}", deadline_s).replace("\r", "")
        output, status = re.fullmatch(r"(?s)(.*)status=([0-9]+)\n.*", said).groups()
        return int(status), output

    def stop(self):
        self._qemu.kill()
        self._qemu.communicate()

    def _type(self, line):
        self._qemu.stdin.write(f"{line}\n".encode())
        self._qemu.stdin.flush()

    def _wait_for(self, pattern, deadline_s=DEADLINE_S):
        """What is said after what was waited for before, up to what the pattern matches."""
        start, deadline = self._read, time.monotonic() + deadline_s
        while not (found := re.compile(pattern).search(self.said, start)):
            if not self._selector.select(deadline - time.monotonic()):
                raise TimeoutError(f"{pattern!r} is not in:\n{self.said[start:]}")
            if not (chunk := os.read(self._qemu.stdout.fileno(), 1 << 16)):
                raise EOFError(f"QEMU ended:\n{self.said[start:]}")
            self.said += chunk.decode(errors="replace")
        self._read = found.end()
        return self.said[start : self._read]
