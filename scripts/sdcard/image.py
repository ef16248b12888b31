# SPDX-License-Identifier: MIT OR Apache-2.0
"""The image: unpacking it, and the expected content of a card."""

import hashlib
import shutil
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

from . import Refusal, is_zero
from .bmap import Range

# Programs to unpack files, by suffix; the same as bmaptool's.
UNPACK = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}

CHUNK = 1 << 20

# The last two bytes of the first sector, both in MBR and GPT.
BOOT_SIGNATURE = b"\x55\xaa"
SECTOR = 512
# Type of the partition that covers a disk with a GPT.
PROTECTIVE = 0xEE


@dataclass(frozen=True)
class Content:
    """The expected content of the device."""

    # Of the whole image, in bytes.
    size: int
    algorithm: str
    # The ranges of the block map, with their checksums.
    ranges: tuple[Range, ...]

    @property
    def gaps(self):
        """The ranges that are not in the block map: they are zero."""
        edges = [0, *(edge for block in self.ranges for edge in (block.start, block.end)), self.size]
        return tuple(Range(start, end) for start, end in zip(edges[::2], edges[1::2]) if start < end)

    @property
    def mapped(self):
        """Number of bytes in the block map."""
        return sum(block.end - block.start for block in self.ranges)


class Image:
    """An image file."""

    def __init__(self, path):
        self._path = path
        self._unpacker = UNPACK.get(path.suffix)
        if not path.is_file():
            raise Refusal(f"{path} is not a file" if path.exists() else f"{path} does not exist")
        if self._unpacker and not shutil.which(self._unpacker):
            raise Refusal(f"{self._unpacker} is not installed, but needed to unpack {path}")

    def content(self, bmap):
        """Reads the whole image, and compares it with its block map unless that is None."""
        ranges = bmap.ranges if bmap else (Range(0, None),)
        algorithm = bmap.algorithm if bmap else "sha256"
        with self._open() as stream:
            first = stream.read(2 * SECTOR)
            if first[SECTOR - 2 : SECTOR] != BOOT_SIGNATURE:
                raise Refusal(f"{self._path} is not a disk image: it has no partition table")
            reader = _Reader(stream, first)
            found = [self._range(reader, block, algorithm) for block in ranges]
            reader.read_to(bmap and bmap.image_size, reader.take_zeros)
            reader.read_to(None)
        end = _end(first)
        if reader.position < end:
            raise Refusal(f"{self._path} is truncated: it has {reader.position} bytes, but its partition table ends at {end}")
        if bmap and reader.position != bmap.image_size:
            raise Refusal(f"{self._path} has {reader.position} bytes, but {bmap.path} is for an image of {bmap.image_size}")
        for block, wanted in zip(found, ranges):
            if wanted.checksum not in (None, block.checksum):
                raise Refusal(
                    f"{self._path} does not match {bmap.path}: the checksum of bytes {block.start} to {block.end - 1} differs"
                )
        content = Content(reader.position, algorithm, tuple(found))
        if reader.stray is not None:
            # Holes in a file read as zeros, and ranges missing in a block map are holes.
            (gap,) = (gap for gap in content.gaps if gap.start <= reader.stray < gap.end)
            raise Refusal(
                f"{self._path} does not match {bmap.path}: "
                f"the map omits bytes {gap.start} to {gap.end - 1}, but the image has data there"
            )
        return content

    def _range(self, reader, block, algorithm):
        reader.read_to(block.start, reader.take_zeros)
        checksum = hashlib.new(algorithm)
        reader.read_to(block.end, checksum.update)
        return Range(block.start, reader.position, checksum.hexdigest())

    @contextmanager
    def _open(self):
        """The unpacked image, as a stream."""
        try:
            if not self._unpacker:
                with self._path.open("rb") as stream:
                    yield stream
                return
            # The unpackers reject symbolic links, which bitbake creates for its images, unless they get the target's path.
            with (
                self._path.open("rb") as packed,
                subprocess.Popen([self._unpacker, "-dc"], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
            ):
                yield process.stdout
                complaint = process.stderr.read().decode(errors="replace").strip()
        except OSError as error:
            raise Refusal(f"{self._path} can't be read: {error.strerror}") from error
        if process.returncode:
            raise Refusal(f"{self._path} is damaged: {complaint}")


def _end(first):
    """The minimum size of the image, by the partition table in its `first` two sectors."""
    entries = struct.unpack("<" + "B3xB3xII" * 4, first[446:510])
    ends = [0]
    for active, kind, start, count in zip(*(entries[field::4] for field in range(4))):
        if active & 0x7F:
            # Code of a boot sector, not a partition table. The kernel makes the same check.
            return 0
        if kind and kind != PROTECTIVE:
            ends.append(start + count)
    if first[SECTOR:].startswith(b"EFI PART"):
        # The backup table is in the last sector.
        ends.append(struct.unpack_from("<Q", first, SECTOR + 32)[0] + 1)
    return max(ends) * SECTOR


class _Reader:
    """A stream that is read once, from its start; its `first` bytes were already read."""

    def __init__(self, stream, first):
        self._stream = stream
        self._first = first
        self.position = 0
        # Position of the first chunk that should be zero but is not.
        self.stray = None

    def read_to(self, end, take=None):
        """Passes the data before `end`, or before the end of the stream, to `take`."""
        while end is None or self.position < end:
            count = CHUNK if end is None else min(CHUNK, end - self.position)
            chunk = self._first[:count] or self._stream.read(count)
            if not chunk:
                return
            self._first = self._first[len(chunk) :] if self._first else b""
            self.position += len(chunk)
            if take:
                take(chunk)

    def take_zeros(self, chunk):
        if self.stray is None and not is_zero(chunk):
            self.stray = self.position - len(chunk)
