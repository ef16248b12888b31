# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes docs/page.png: `MYPOLL_AGENT=… python3 screenshot.py FILE`. Its outputs are made up: they need GPIO lines."""

import json
import sys
import time

from agent import Agent
from chromium import Browser, Page

LABELS = ["front door", "back door", "button 1", "button 2", "motion hall", "water tank"]
EVENTS = [
    "rising 2", "falling 2", "rising 0", "rising 4", "falling 4", "rising 2", "falling 2", "rising 5",
    "tick", "rising 3", "falling 3", "rising 4", "trigger", "falling 0", "rising 2", "falling 2", "rising 0",
]  # fmt: skip
OFFER = {
    "control": ["trigger", "timer", "output"],
    "outputs": ["lamp", "pump"],
    "parts": {
        "output lamp": {"state": "working", "active": 1},
        "output pump": {"state": "working", "active": 0},
    },
}


def main():
    with (
        Agent(labels=LABELS, machine="greenhouse") as agent,
        Browser() as browser,
        Page(browser, width=1000, height=1000) as page,
    ):
        page.open(agent.url)
        page.wait("document.querySelector('#state').textContent === 'live'")
        for event in EVENTS * 2:
            agent.send(event)
            # The chart wants some time to show.
            time.sleep(0.5)
        page.wait(f"+document.querySelector('#total').textContent === {2 * len(EVENTS)}")
        page.evaluate(f"offer({json.dumps(OFFER)})")
        with open(sys.argv[1], "wb") as file:
            file.write(page.screenshot())


if __name__ == "__main__":
    main()
