# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs bmaptool, which writes the image to the card."""

import re
import subprocess
from pathlib import Path

from . import Refusal
from .device import Different
from .image import UNPACK

# The prefix of bmaptool's error messages, usually in red.
ERROR = re.compile(r"ERROR(?:\x1b\[0m)?: ")


class Copy:
    """`bmaptool copy` of an image with its block map, or of the whole image if `bmap_path` is None."""

    def __init__(self, image_path, bmap_path, folder):
        # bmaptool would take a name with a leading "-" for an option, and unpack more suffixes than UNPACK: use a link in `folder`.
        suffix = image_path.suffix if image_path.suffix in UNPACK else ""
        link = Path(folder, f"image{suffix}")
        link.symlink_to(image_path.resolve())
        options = ["--bmap", bmap_path.absolute()] if bmap_path else ["--nobmap"]
        self._what = f"{image_path} with {bmap_path}" if bmap_path else image_path
        self._command = ["bmaptool", "copy", *options, link]

    def rehearse(self):
        """Makes bmaptool read everything and write nothing: it rejects an image before the card is touched."""
        ended = subprocess.run([*self._command, "/dev/null"], check=False, capture_output=True, encoding="utf-8", errors="replace")
        if ended.returncode:
            message = ended.stderr.strip() or f"exit status {ended.returncode}"
            why = ERROR.split(message)[-1] if ERROR.search(message) else message.splitlines()[-1]
            raise Refusal(f"bmaptool rejects {self._what}: {' '.join(why.split()).rstrip('.')}")

    def write(self, device_path):
        status = subprocess.run([*self._command, device_path], check=False).returncode
        if status:
            raise Different(f"bmaptool failed to write the image (exit status {status})")
