# SPDX-License-Identifier: MIT OR Apache-2.0
"""The live page in a browser."""

import hashlib
import json
import tempfile
import unittest

from agent import HOSTILE, Agent
from chromium import Browser, Page
from proxy import Proxy

LIVE = "document.querySelector('#state').textContent === 'live'"
DOWN = "document.querySelector('#state').textContent.startsWith('reconnecting')"
ROWS = "[...document.querySelectorAll('#events tr')].map(row => row.innerText)"
TILES = "[...document.querySelectorAll('#lines li')].map(tile => tile.innerText)"


def numbers(page):
    """The numbers of the events in the table, newest first."""
    return page.evaluate(
        "[...document.querySelectorAll('#events tr:not(.note) td:last-child')].map(c => +c.textContent)"
    )


def tile(number, word):
    """A JavaScript expression: the tile of a line contains a word."""
    return f"({TILES})[{number}]?.split('\\n').includes({json.dumps(word)})"


class LivePage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())

    def live(self, agent, **options):
        page = self.enterContext(Page(self.browser, **options))
        page.open(agent.url)
        page.wait(LIVE)
        return page

    def test_events_appear_and_levels_change(self):
        with Agent() as agent:
            page = self.live(agent)
            page.wait(tile(1, "inactive"))
            agent.send("rising 1")
            page.wait(f"({ROWS}).some(row => row.includes('rising') && row.includes('button (1)'))")
            page.wait(tile(1, "active"))
            agent.send("falling 1 4", "tick")
            page.wait(tile(1, "inactive"))
            page.wait(f"({ROWS})[0].includes('tick')")
            self.assertIn("4 lost before", page.evaluate(ROWS)[1])
            page.wait("document.querySelector('#missed').textContent === '0 / 4'")
            page.wait("/^(< )?[\\d.]+ ms/.test(document.querySelector('#latency').textContent)")
            self.assertEqual(page.evaluate("document.querySelector('#total').textContent"), "3")
            self.assertIn("test", page.evaluate("document.title"))
            self.assertEqual(page.errors, [])

    def test_hostile_label_is_escaped(self):
        with Agent() as agent:
            page = self.live(agent)
            agent.send("rising 2")
            page.wait(f"({ROWS}).some(row => row.includes({json.dumps(HOSTILE)}))")
            page.wait(tile(2, HOSTILE))
            self.assertEqual(page.evaluate("document.images.length"), 0)
            self.assertEqual(page.errors, [])

    def test_page_continues_after_the_agent_was_killed(self):
        with Agent() as agent:
            page = self.live(agent)
            agent.send("rising 0", "rising 1")
            page.wait(f"({ROWS}).length === 2")
            agent.kill()
            page.wait(DOWN)
            agent.start()
            page.wait(LIVE)
            # The levels at the start are events of the new session.
            page.wait(f"({ROWS}).length === 6")
            agent.send("falling 1")
            page.wait(f"({ROWS})[0].includes('falling')")
            self.assertEqual(numbers(page), [4, 3, 2, 1, 5, 4])
            self.assertIn("agent restarted", page.evaluate(ROWS)[4])
            # While the agent was down, it was unreachable.
            self.assertEqual([e for e in page.errors if not e.startswith("network: ")], [])

    def test_resuming_shows_each_event_once(self):
        with Agent() as agent, Proxy(agent.port) as proxy:
            page = self.live(proxy)
            agent.send("rising 0")
            page.wait(f"({ROWS}).length === 1")
            proxy.disconnect()
            page.wait(DOWN)
            agent.send("falling 0", "rising 1", "tick")
            proxy.reconnect()
            page.wait(f"({ROWS}).length === 4")
            seen = numbers(page)
            self.assertEqual(seen, list(range(seen[0], seen[0] - 4, -1)))
            page.wait(tile(0, "inactive"))
            page.wait(tile(1, "active"))

    def test_missed_events_are_counted(self):
        with Agent(more="[journal]\nmemory = 65536") as agent, Proxy(agent.port) as proxy:
            page = self.live(proxy)
            agent.send("rising 0")
            page.wait(f"({ROWS}).length === 1")
            proxy.disconnect()
            page.wait(DOWN)
            for _ in range(20):
                agent.send(*["tick"] * 100)
            proxy.reconnect()
            missed = "+document.querySelector('#missed').textContent.split(' ')[0]"
            page.wait(f"{missed} + +document.querySelector('#total').textContent === 2001")
            self.assertGreater(page.evaluate(missed), 1000)

    def test_pause_and_clear(self):
        with Agent() as agent:
            page = self.live(agent)
            agent.send("rising 0")
            page.wait(f"({ROWS}).length === 1")
            page.click("#pause")
            agent.send("falling 0", "tick")
            page.wait("document.querySelector('#pause').textContent === 'Resume (2 new)'")
            self.assertEqual(len(page.evaluate(ROWS)), 1)
            page.click("#pause")
            page.wait(f"({ROWS}).length === 3")
            agent.send(*["tick"] * 300)
            page.wait("document.querySelector('#total').textContent === '303'")
            self.assertEqual(len(page.evaluate(ROWS)), 200)
            page.click("#clear")
            page.wait(f"({ROWS}).length === 0")

    def test_outputs_can_be_switched_by_keyboard(self):
        with Agent(more="[[output]]\nname = 'lamp'\nchip = '/dev/nowhere'\nline = 0") as agent:
            page = self.live(agent)
            focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
            reached = []
            for _ in range(12):
                page.key("Tab")
                reached.append(page.evaluate(focused))
                self.assertNotEqual(
                    page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none"
                )
                if reached[-1] == "lamp: Toggle":
                    break
            self.assertEqual(reached[:2], ["Trigger", "Start timer"])
            self.assertEqual(reached[-3:], ["lamp: On", "lamp: Off", "lamp: Toggle"])
            page.key("Enter")
            page.wait("document.querySelector('#said').textContent.includes('/dev/nowhere')")
            post = [request for request in page.requests if request["method"] == "POST"]
            self.assertEqual([request["url"] for request in post], [agent.url + "outputs/lamp"])
            self.assertEqual(post[0]["postData"], '{"toggle":true}')
            self.assertEqual(page.evaluate(focused), "lamp: Toggle")

    def test_controls_are_hidden_without_the_role(self):
        with Agent(http="") as agent:
            page = self.live(agent)
            self.assertTrue(page.evaluate("document.querySelector('#control').hidden"))

    def test_token_is_requested_and_remembered(self):
        with tempfile.NamedTemporaryFile("w") as tokens:
            tokens.write(f"read:{hashlib.sha256(b'secret').hexdigest()}:test\n")
            tokens.flush()
            with Agent(http=f"tokens = {json.dumps(tokens.name)}") as agent:
                page = self.enterContext(Page(self.browser))
                page.open(agent.url)
                page.wait("document.activeElement?.id === 'secret'")
                page.type("wrong")
                page.key("Enter")
                page.wait("document.querySelector('#refused').textContent.includes('unknown token')")
                page.type("secret")
                page.key("Enter")
                page.wait(LIVE)
                agent.send("rising 0")
                page.wait(f"({ROWS}).length === 1")
                page.open(agent.url)
                page.wait(LIVE)
                page.click("#forget")
                page.wait("document.activeElement?.id === 'secret'")
                self.assertEqual([e for e in page.errors if "401" not in e], [])

    def test_page_fits_on_a_phone(self):
        with Agent(labels=["x" * 200, *["a line with a long name"] * 8]) as agent:
            page = self.live(agent, width=360, height=700)
            agent.send("rising 0", "falling 3")
            page.wait(f"({ROWS}).length === 2")
            width = page.evaluate("document.documentElement.scrollWidth")
            self.assertLessEqual(width, 360)
            small = page.evaluate(
                "[...document.querySelectorAll('button')].filter(b => b.offsetWidth && b.offsetHeight < 40).length"
            )
            self.assertEqual(small, 0)

    def test_dark_mode(self):
        with Agent() as agent:
            colors = {}
            for scheme in ("light", "dark"):
                page = self.live(agent, prefers_color_scheme=scheme)
                colors[scheme] = page.evaluate(
                    """["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name]
                        .match(/\\d+/g).reduce((sum, part) => sum + +part, 0))"""
                )
            self.assertGreater(colors["light"][0], 600)
            self.assertLess(colors["light"][1], 150)
            self.assertLess(colors["dark"][0], 150)
            self.assertGreater(colors["dark"][1], 600)

    def test_reduced_motion(self):
        with Agent() as agent:
            page = self.live(agent, prefers_reduced_motion="reduce")
            page.wait(tile(0, "inactive"))
            duration = "getComputedStyle(document.querySelector('.tile')).transitionDuration"
            self.assertEqual(page.evaluate(duration), "0s")


if __name__ == "__main__":
    unittest.main()
