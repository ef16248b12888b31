# SPDX-License-Identifier: MIT OR Apache-2.0
"""The card: whether it may be overwritten, and what it really holds."""

import fcntl
import hashlib
import json
import mmap
import os
import stat
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from . import Refusal, is_zero
from .units import Progress, size_text

COLUMNS = "PATH,KNAME,PKNAME,TYPE,SIZE,RO,HOTPLUG,VENDOR,MODEL,TRAN,FSTYPE,LABEL,MOUNTPOINTS"

# Mounted here, a file system belongs to the running system.
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/home", "/usr", "/var")

# Direct I/O is in multiples of this, of the largest logical sector there is.
ALIGNMENT = 4096
CHUNK = 4 << 20

# In seconds: udev has the lock while it looks at a card that was just put in.
LOCK_PATIENCE = 5


class Different(Exception):
    """The device does not hold what was written. The message is a sentence without its full stop."""


class Device:
    """A block device, by its path or a link to it."""

    def __init__(self, path):
        if not path.exists():
            raise Refusal(f"{path} does not exist: lsblk lists the devices there are")
        if not stat.S_ISBLK(path.stat().st_mode):
            raise Refusal(f"{path} is not a block device: lsblk lists those")
        self.path = path.resolve()
        lsblk = subprocess.run(
            ["lsblk", "--json", "--bytes", "--tree", "--output", COLUMNS, self.path],
            check=False,
            capture_output=True,
            encoding="utf-8",
            # The label of a card may be in any encoding.
            errors="replace",
        )
        if lsblk.returncode:
            raise Refusal(f"lsblk can't tell what {path} is: {lsblk.stderr.strip()}")
        (self._facts,) = json.loads(lsblk.stdout)["blockdevices"]

    @property
    def description(self):
        """Name, model, size and what is on it, in a line."""
        facts = self._facts
        model = " ".join(str(facts[key]).strip() for key in ("vendor", "model") if facts[key])
        words = [str(self.path), model or "(it tells no model)", size_text(facts["size"]), facts["tran"]]
        words += [f"{part['kname']} {part['label'] or ''}".rstrip() for part in facts.get("children", ())]
        return ", ".join(word for word in words if word)

    def check(self, allow_fixed):
        """Refuses what is not to be overwritten."""
        reason = refusal(self._facts, _is_soldered(self._facts["kname"]), allow_fixed)
        if reason:
            raise Refusal(reason)

    def check_room(self, size):
        if self._facts["size"] < size:
            raise Refusal(f"{self.path} is too small: it has {self._facts['size']} bytes, the image {size}")

    @contextmanager
    def claimed(self):
        """Keeps others away: udev leaves a locked disk alone, so that no desktop mounts what is half written."""
        try:
            self._fd = os.open(self.path, os.O_RDWR)
        except PermissionError as error:
            raise Refusal(f"{self.path} can't be written: {error.strerror}; try sudo") from error
        except OSError as error:
            raise Refusal(f"{self.path} can't be written: {error.strerror}") from error
        try:
            self._lock()
            self.check_unchanged()
            yield
        finally:
            os.close(self._fd)

    def _lock(self):
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Refusal(f"another program works on {self.path}: wait for it to end") from error
                time.sleep(0.1)

    def check_unchanged(self):
        """Refuses a device that is in use, or whose card was taken out or exchanged. Only for one that is claimed."""
        try:
            # Exclusive: what the kernel uses is busy, also where lsblk does not see it, as in another mount namespace. Only
            # with the lock: udev looks at a disk as soon as somebody who could write to it closes it.
            fd = os.open(self.path, os.O_RDWR | os.O_EXCL)
        except OSError as error:
            raise Refusal(f"{self.path} can't be written: {error.strerror}") from error
        try:
            if os.lseek(fd, 0, os.SEEK_END) != self._facts["size"]:
                raise Refusal(f"the card in {self.path} is another one now")
        finally:
            os.close(fd)

    def clear(self, gaps):
        """Writes zeros where `gaps` of the claimed device have something else, as a card has that was used before."""
        with self._reader() as read, Progress("Clearing", sum(gap.end - gap.start for gap in gaps)) as progress:
            for gap in gaps:
                for position, piece in read(gap):
                    if not is_zero(piece):
                        os.pwrite(self._fd, bytes(len(piece)), position)
                        # Piece by piece: the progress is the card's, and it can be interrupted.
                        os.fsync(self._fd)
                    progress.add(len(piece))

    def verify(self, content):
        """Compares the device with all of `content`."""
        with self._reader() as read, Progress("Reading back", content.size) as progress:
            for block in content.ranges + content.gaps:
                checksum, zero = hashlib.new(content.algorithm), True
                for _, piece in read(block):
                    if block.checksum:
                        checksum.update(piece)
                    else:
                        zero = zero and is_zero(piece)
                    progress.add(len(piece))
                if not zero or block.checksum not in (None, checksum.hexdigest()):
                    raise Different(f"bytes {block.start} to {block.end - 1} read back are not those of the image")

    @contextmanager
    def _reader(self):
        """Reads a range piece by piece, each with its position; past the page cache, which holds what was written."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECT | os.O_EXCL)
        try:
            with mmap.mmap(-1, CHUNK) as buffer:
                yield lambda block: _read(fd, buffer, block)
        finally:
            os.close(fd)


def refusal(facts, soldered, allow_fixed):
    """Why the device is not to be overwritten, or None. `facts` is what lsblk says of it; `soldered`: it is an eMMC."""
    path = facts["path"]
    if facts["type"] == "part":
        return f"{path} is a partition: give the whole card, /dev/{facts['pkname']}"
    if facts["type"] not in ("disk", "loop"):
        return f"{path} is no disk, lsblk calls it {facts['type']}"
    # The system first: nobody is to be told to unmount something else of that disk.
    reason = _system(facts) or _use(facts)
    if reason:
        return reason
    if not facts["size"]:
        return f"there is no card in {path}"
    if facts["ro"]:
        return f"{path} is write-protected: look for a switch at the card's edge"
    if not allow_fixed and (soldered or not facts["hotplug"]):
        return f"{path} is not removable: add --fixed if you mean it all the same"
    return None


def _system(facts):
    """Where the running system has the device, or anything on it, mounted; None where it has not."""
    for place in facts["mountpoints"]:
        if place in SYSTEM:
            return f"{facts['path']} is mounted at {place}, it holds the running system: choose another device"
    return next(filter(None, map(_system, facts.get("children", ()))), None)


def _use(facts):
    """What the device, or anything on it, is used for; None where it is not."""
    path = facts["path"]
    for place in filter(None, facts["mountpoints"]):
        if place == "[SWAP]":
            return f"{path} is swap space: swapoff {path} first"
        return f"{path} is mounted at {place}: umount {path} first"
    # Of an array or volume group that is not active now, so that no child tells of it.
    if (facts["fstype"] or "").endswith("_member"):
        return f"{path} is a member of an array or volume group ({facts['fstype']}): wipefs --all {path} first if it no longer is"
    for child in facts.get("children", ()):
        if child["type"] != "part":
            return f"{path} is a part of {child['path']} ({child['type']}): take it out of that first"
        reason = _use(child)
        if reason:
            return reason
    return None


def _is_soldered(name):
    """Whether it is an eMMC: lsblk can't tell it from an SD card."""
    kind = Path("/sys/class/block", name, "device/type")
    return kind.exists() and kind.read_text(encoding="ascii").strip() == "MMC"


def _read(fd, buffer, block):
    position = block.start
    while position < block.end:
        skip = position % ALIGNMENT
        count = os.preadv(fd, [buffer], position - skip)
        piece = buffer[skip : min(count, skip + block.end - position)]
        if not piece:
            raise Different(f"the device ends at byte {position}")
        yield position, piece
        position += len(piece)
