# SPDX-License-Identifier: MIT OR Apache-2.0
"""Controls headless Chromium by the DevTools protocol over a pipe."""

import base64
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# Only ends a hang.
DEADLINE_S = 60

KEYS = {"Tab": 9, "Enter": 13}


class Browser:
    """A browser process."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if not program:
            raise FileNotFoundError("no browser is installed: need one of " + ", ".join(PROGRAMS))
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read, self.to_browser = _pipe()
        self.from_browser, write = _pipe()
        arguments = [
            "--headless",
            # The sandbox does not work as root and in containers. The page is our own.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={self.profile.name}",
            "about:blank",
        ]
        self.process = os.posix_spawn(
            program,
            [program, *arguments],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, read, 3),
                (os.POSIX_SPAWN_DUP2, write, 4),
            ],
        )
        os.close(read)
        os.close(write)
        self.changed = threading.Condition()
        self.answers = {}
        self.listeners = {}
        self.last = 0
        self.ended = False
        self.receiver = threading.Thread(target=self._receive)
        self.receiver.start()

    def close(self):
        self.call("Browser.close")
        self.receiver.join()
        os.waitpid(self.process, 0)
        os.close(self.to_browser)
        os.close(self.from_browser)
        self.profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, method, session=None, **parameters):
        """Calls a method and returns its result."""
        with self.changed:
            self.last += 1
            number = self.last
            message = {"id": number, "method": method, "params": parameters}
            if session:
                message["sessionId"] = session
            os.write(self.to_browser, json.dumps(message).encode() + b"\0")
            self.changed.wait_for(lambda: number in self.answers or self.ended, DEADLINE_S)
            answer = self.answers.pop(number, {"error": "no answer"})
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _receive(self):
        rest = b""
        while chunk := os.read(self.from_browser, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if "id" in message:
                    with self.changed:
                        self.answers[message["id"]] = message
                        self.changed.notify_all()
                elif listener := self.listeners.get(message.get("sessionId")):
                    listener(message["method"], message["params"])
        with self.changed:
            self.ended = True
            self.changed.notify_all()


class Page:
    """A page in its own browser context, without data of other pages. Collects its errors and requests."""

    def __init__(self, browser, width=1000, height=800, **media):
        self.browser = browser
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call(
            "Target.createTarget", url="about:blank", browserContextId=self.context
        )["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self.errors = []
        self.requests = []
        self.loaded = threading.Event()
        browser.listeners[self.session] = self._event
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        features = [{"name": name.replace("_", "-"), "value": is_} for name, is_ in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, url):
        """Opens a URL, and waits until its page is loaded."""
        self.loaded.clear()
        self.call("Page.navigate", url=url)
        if not self.loaded.wait(DEADLINE_S):
            raise TimeoutError(f"{url} was not loaded: {self.errors}")

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression):
        """Waits until a JavaScript expression is true, and returns its value."""
        end = time.monotonic() + DEADLINE_S
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                text = self.evaluate("document.body.innerText")
                raise AssertionError(f"never true: {expression}\n{text}\n{self.errors}")
            time.sleep(0.02)
        return value

    def key(self, key):
        parameters = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **parameters, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parameters)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """Clicks the middle of an element, or whatever covers it there."""
        # Wait until the element stops moving: the page's content may still be changing.
        x, y = self.evaluate(
            f"""(async () => {{
                const element = document.querySelector({json.dumps(selector)});
                const frame = () => new Promise(requestAnimationFrame);
                const middle = () => {{
                    element.scrollIntoView({{ block: "center" }});
                    const box = element.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2];
                }};
                let before, now = middle();
                do {{
                    before = now;
                    await frame();
                    await frame();
                    now = middle();
                }} while (`${{before}}` !== `${{now}}`);
                return now;
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self):
        """The window as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _event(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(str(parameters["args"]))
        elif method == "Log.entryAdded":
            entry = parameters["entry"]
            self.errors.append(f"{entry['source']}: {entry['text']}")
        elif method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"])


def _pipe():
    """A pipe whose descriptors are not 3 and 4, which the browser uses."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved
