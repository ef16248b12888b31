# SPDX-License-Identifier: MIT OR Apache-2.0
"""Human-readable numbers."""

import sys
import time


def size_text(size):
    """`size` in bytes as printed on cards: 1 GB is 10⁹ bytes."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


class Progress:
    """Shows the processed part of `total` bytes, on a terminal; silent elsewhere."""

    def __init__(self, doing, total):
        self._doing = doing
        self._total = total
        self._done = 0
        self._shown = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self._shown:
            print(file=sys.stderr)

    def add(self, count):
        self._done += count
        now = time.monotonic()
        if sys.stderr.isatty() and (now - self._shown > 0.2 or self._done == self._total):
            self._shown = now
            print(f"\r{self._doing}: {100 * self._done // self._total} %", end="", file=sys.stderr, flush=True)
