# SPDX-License-Identifier: MIT OR Apache-2.0
"""`press.py URL MACHINE`, for tests/tests/page.rs: presses buttons of a running guest, and checks that its live page shows it.
With MYPOLL_SCREENSHOT=FILE it then presses buttons for half a minute and saves a screenshot, docs/page.png."""

import os
import pathlib
import subprocess
import sys
import time

from chromium import Browser, Page

PRESS = pathlib.Path(__file__).parents[2] / "scripts" / "press"

ROWS = "[...document.querySelectorAll('#events tr')].map(row => row.innerText)"
TILES = "[...document.querySelectorAll('#lines li, #outputs li')].map(tile => tile.innerText)"


class Guest:
    def __init__(self, page, machine):
        self.page = page
        self.command = [PRESS, "--machine", machine, "--line"]

    def press(self, line, *how):
        subprocess.run([*self.command, line, *how], check=True)

    def shows(self, name, word):
        """Waits until the tile of a line or output contains a word."""
        parts = f"({TILES}).find(tile => tile.startsWith('{name}\\n'))?.split('\\n')"
        self.page.wait(f"{parts}?.includes('{word}')")

    def newest(self, *events):
        """Waits until these are the newest events."""
        for row, event in enumerate(events):
            self.page.wait(f"({ROWS})[{row}]?.includes('{event}')")

    def outlive_restart(self):
        """Restarts the agent. The page must continue where it was, and show each event once."""
        before = self.page.evaluate(ROWS)
        print("restart", flush=True)
        sys.stdin.readline()
        self.press("button")
        self.newest("falling\tbutton (0)", "rising\tbutton (0)")
        rows = self.page.evaluate(ROWS)
        numbers = [int(row.split("\t")[-1]) for row in rows]
        if rows[-len(before) :] != before or numbers != sorted(set(numbers), reverse=True):
            raise AssertionError(f"{rows} after {before}")

    def switch(self, output, key):
        self.page.click(f"[aria-label='{output}: {key}']")


def main():
    url, machine = sys.argv[1:]
    with Browser() as browser, Page(browser, width=1000, height=1000) as page:
        guest = Guest(page, machine)
        page.open(url)
        page.wait("document.querySelector('#state').textContent === 'live'")
        guest.shows("door", "inactive")
        guest.press("button")
        guest.newest("falling\tbutton (0)", "rising\tbutton (0)")
        guest.press("door", "--down")
        guest.newest("rising\tdoor (1)")
        guest.shows("door", "active")
        guest.shows("lamp", "active")
        guest.press("door", "--up")
        guest.newest("falling\tdoor (1)")
        guest.shows("lamp", "inactive")
        guest.outlive_restart()
        guest.switch("pump", "On")
        guest.shows("pump", "active")
        if path := os.environ.get("MYPOLL_SCREENSHOT"):
            take_screenshot(guest, path)
        # During the restart the agent was unreachable.
        if errors := [error for error in page.errors if not error.startswith("network: ")]:
            raise AssertionError(errors)


def take_screenshot(guest, path):
    """Saves the screenshot, with some events in the chart."""
    for number in range(12):
        if number in (3, 5, 8):
            guest.press("door", "--up" if number == 5 else "--down")
        time.sleep(1)
        guest.press("button")
    guest.newest("falling\tbutton (0)")
    guest.shows("lamp", "active")
    guest.page.evaluate("window.scrollTo(0, 0)")
    guest.page.wait("document.getAnimations().length === 0")
    pathlib.Path(path).write_bytes(guest.page.screenshot())


if __name__ == "__main__":
    main()
