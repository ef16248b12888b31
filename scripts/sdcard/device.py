# SPDX-License-Identifier: MIT OR Apache-2.0
"""The card: whether it may be overwritten, and what it contains."""

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

# A file system mounted here belongs to the running system.
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/home", "/usr", "/var")

# Alignment of direct I/O: the largest logical sector size.
ALIGNMENT = 4096
CHUNK = 4 << 20

# udev holds the lock while it examines a new card.
LOCK_TIMEOUT_S = 5


class Different(Exception):
    """The device does not contain the image. The message is a sentence without its final period."""


class Device:
    """A block device, by its path or a link to it."""

    def __init__(self, path):
        if not path.exists():
            raise Refusal(f"{path} does not exist: lsblk lists devices")
        if not stat.S_ISBLK(path.stat().st_mode):
            raise Refusal(f"{path} is not a block device: lsblk lists them")
        self.path = path.resolve()
        lsblk = subprocess.run(
            ["lsblk", "--json", "--bytes", "--tree", "--output", COLUMNS, self.path],
            check=False,
            capture_output=True,
            encoding="utf-8",
            # Labels of cards may be in any encoding.
            errors="replace",
        )
        if lsblk.returncode:
            raise Refusal(f"lsblk cannot examine {path}: {lsblk.stderr.strip()}")
        (self._facts,) = json.loads(lsblk.stdout)["blockdevices"]

    @property
    def description(self):
        """Name, model, size and contents, in one line."""
        facts = self._facts
        model = " ".join(str(facts[key]).strip() for key in ("vendor", "model") if facts[key])
        words = [str(self.path), model or "(unknown model)", size_text(facts["size"]), facts["tran"]]
        words += [f"{part['kname']} {part['label'] or ''}".rstrip() for part in facts.get("children", ())]
        return ", ".join(word for word in words if word)

    def check(self, allow_fixed):
        """Rejects devices that must not be overwritten."""
        reason = refusal(self._facts, _is_soldered(self._facts["kname"]), allow_fixed)
        if reason:
            raise Refusal(reason)

    def check_room(self, size):
        if self._facts["size"] < size:
            raise Refusal(f"{self.path} is too small: it has {self._facts['size']} bytes, the image {size}")

    @contextmanager
    def claimed(self):
        """Locks the device: udev leaves a locked disk alone, so that no desktop mounts a half-written card."""
        try:
            self._fd = os.open(self.path, os.O_RDWR)
        except PermissionError as error:
            raise Refusal(f"{self.path} is not writable: {error.strerror}; try sudo") from error
        except OSError as error:
            raise Refusal(f"{self.path} is not writable: {error.strerror}") from error
        try:
            self._lock()
            self.check_unchanged()
            yield
        finally:
            os.close(self._fd)

    def _lock(self):
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Refusal(f"{self.path} is in use by another program: wait for it to finish") from error
                time.sleep(0.1)

    def check_unchanged(self):
        """Rejects a device in use, or whose card was removed or exchanged. Only for a claimed device."""
        try:
            # O_EXCL fails if the kernel uses the device, even if lsblk does not see that: in another mount namespace. Only while
            # locked: udev examines a disk as soon as a writer closes it.
            fd = os.open(self.path, os.O_RDWR | os.O_EXCL)
        except OSError as error:
            raise Refusal(f"{self.path} is not writable: {error.strerror}") from error
        try:
            if os.lseek(fd, 0, os.SEEK_END) != self._facts["size"]:
                raise Refusal(f"the card in {self.path} was exchanged")
        finally:
            os.close(fd)

    def clear(self, gaps):
        """Writes zeros to `gaps` of the claimed device where it has other data, such as remains of earlier use."""
        with self._reader() as read, Progress("Clearing", sum(gap.end - gap.start for gap in gaps)) as progress:
            for gap in gaps:
                for position, piece in read(gap):
                    if not is_zero(piece):
                        os.pwrite(self._fd, bytes(len(piece)), position)
                        # Flush each piece, for an accurate progress and a quick reaction to SIGINT.
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
                    raise Different(f"bytes {block.start} to {block.end - 1} differ from the image")

    @contextmanager
    def _reader(self):
        """Reads a range in pieces, with their positions; bypasses the page cache, which contains the written data."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECT | os.O_EXCL)
        try:
            with mmap.mmap(-1, CHUNK) as buffer:
                yield lambda block: _read(fd, buffer, block)
        finally:
            os.close(fd)


def refusal(facts, soldered, allow_fixed):
    """Why the device must not be overwritten, or None. `facts` are from lsblk; `soldered`: it is an eMMC."""
    path = facts["path"]
    if facts["type"] == "part":
        return f"{path} is a partition: use the whole card, /dev/{facts['pkname']}"
    if facts["type"] not in ("disk", "loop"):
        return f"{path} is not a disk; its type is {facts['type']}"
    # Check for the system first: don't suggest unmounting other partitions of its disk.
    reason = _system(facts) or _use(facts)
    if reason:
        return reason
    if not facts["size"]:
        return f"no card in {path}"
    if facts["ro"]:
        return f"{path} is write-protected: check the switch at the card's edge"
    if not allow_fixed and (soldered or not facts["hotplug"]):
        return f"{path} is not removable: add --fixed to use it anyway"
    return None


def _system(facts):
    """Where the running system has the device, or a part of it, mounted; None if nowhere."""
    for place in facts["mountpoints"]:
        if place in SYSTEM:
            return f"{facts['path']} is mounted at {place} and contains the running system: choose another device"
    return next(filter(None, map(_system, facts.get("children", ()))), None)


def _use(facts):
    """What the device, or a part of it, is used for; None if it is unused."""
    path = facts["path"]
    for place in filter(None, facts["mountpoints"]):
        if place == "[SWAP]":
            return f"{path} is swap space: swapoff {path} first"
        return f"{path} is mounted at {place}: umount {path} first"
    # For an inactive array or volume group, which has no child device.
    if (facts["fstype"] or "").endswith("_member"):
        return f"{path} is a member of an array or volume group ({facts['fstype']}): wipefs --all {path} first if it no longer is"
    for child in facts.get("children", ()):
        if child["type"] != "part":
            return f"{path} is a part of {child['path']} ({child['type']}): remove it there first"
        reason = _use(child)
        if reason:
            return reason
    return None


def _is_soldered(name):
    """Whether it is an eMMC: lsblk does not distinguish it from an SD card."""
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
