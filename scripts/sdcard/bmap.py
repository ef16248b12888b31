# SPDX-License-Identifier: MIT OR Apache-2.0
"""Block maps: the non-zero blocks of an image, and their checksums (bmap-tools' format, versions 1 and 2)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from . import Refusal

# Supported major versions of the format.
VERSIONS = (1, 2)


@dataclass(frozen=True)
class Range:
    """The bytes from `start` to `end`, exclusive; None is the end of the image."""

    start: int
    end: int | None
    # In hexadecimal digits; None if the map has none.
    checksum: str | None = None


@dataclass(frozen=True)
class Bmap:
    path: Path
    # In bytes.
    image_size: int
    # hashlib's name of the checksum algorithm.
    algorithm: str
    # In the order of the image, without overlaps.
    ranges: tuple[Range, ...]


def find(image):
    """The map beside `image`, if it exists: for x.wic.zst, x.wic.zst.bmap or x.wic.bmap."""
    for stem in (image, image.with_suffix("")):
        path = Path(f"{stem}.bmap")
        if path.exists():
            return path
    return None


def read(path):
    try:
        root = ElementTree.parse(path).getroot()
        version = root.get("version", "1")
        if int(version.partition(".")[0]) not in VERSIONS:
            raise Refusal(f"{path} has format version {version}: versions 1 and 2 are supported")
        image_size = int(root.findtext("ImageSize"))
        block_size = int(root.findtext("BlockSize"))
        algorithm = root.findtext("ChecksumType", "sha1").strip()
        hashlib.new(algorithm).hexdigest()
        ranges = tuple(_range(element, block_size, image_size) for element in root.iter("Range"))
        edges = [edge for block in ranges for edge in (block.start, block.end)]
        if not ranges or edges != sorted(edges) or edges[-1] > image_size:
            raise ValueError("its ranges are invalid")
    except OSError as error:
        raise Refusal(f"{path} can't be read: {error.strerror}") from error
    except (ElementTree.ParseError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Refusal(f"{path} is not a block map: {error}") from error
    return Bmap(path, image_size, algorithm, ranges)


def _range(element, block_size, image_size):
    """`<Range chksum="…"> FIRST-LAST </Range>`, or a single block, in blocks; the image's last block may be short."""
    first, _, last = element.text.strip().partition("-")
    end = (int(last or first) + 1) * block_size
    if image_size < end < image_size + block_size:
        end = image_size
    checksum = element.get("chksum") or element.get("sha1")
    return Range(int(first) * block_size, end, checksum and checksum.lower())
