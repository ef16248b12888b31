# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What of a board's writes outlives a power cut. A card caches writes until the next flush; so QEMU's driver "blklogwrites" keeps
a log, in the form of Linux' dm-log-writes, and the card's file gets what it would have kept.
"""

import struct
from typing import NamedTuple

from commands import run

SECTOR = 512
# The first sector: a magic number, the version, and how many entries there were at the last flush.
HEAD = struct.Struct("<QQQ")
# Sector, number of sectors, flags, length. It has a sector of its own, before its data.
ENTRY = struct.Struct("<QQQQ")
FLUSH = 1
# What makes a disk of QEMU's like a card. Zeros without data get their place in the log too late, and requests that QEMU merged may
# have more parts than fit, with the log's own.
DISK = "write-cache=on,discard=off,write-zeroes=off,request-merging=off"
# Of the host's disk: it has no power cut.
NO_FLUSH = "cache.no-flush=on"


class Write(NamedTuple):
    """`offset` is on the card, `logged` in the log; all in bytes."""

    offset: int
    logged: int
    size: int
    is_flush: bool


class WriteCache:
    def __init__(self, file):
        self.file, self.copy, self.log = file, file.with_suffix(".running"), file.with_suffix(".log")

    def power_on(self):
        """QEMU's options for a block device "card" like the file, which stays as it is."""
        run("cp", "--sparse=always", self.file, self.copy)
        self.log.write_bytes(b"")
        return [
            *("-blockdev", f"driver=file,{NO_FLUSH},node-name=copy,filename={self.copy}"),
            *("-blockdev", f"driver=file,{NO_FLUSH},node-name=log,filename={self.log}"),
            *("-blockdev", f"driver=blklogwrites,node-name=card,file=copy,log=log,log-sector-size={SECTOR}"),
        ]

    def power_off(self, is_kept):
        """
        The file gets what was written before the last flush, and of the rest each write that `is_kept` says yes to. Gives how many it was
        asked about, and how many of them are lost.
        """
        writes = self._writes()
        flushed = max((number for number, write in enumerate(writes) if write.is_flush), default=-1)
        cached = writes[flushed + 1 :]
        kept = [write for write in cached if is_kept()]
        with self.log.open("rb") as log, self.file.open("r+b") as card:
            for write in writes[: flushed + 1] + kept:
                log.seek(write.logged)
                card.seek(write.offset)
                card.write(log.read(write.size))
        return len(cached), len(cached) - len(kept)

    def _writes(self):
        """In the order in which they were done. The last one is not among them when QEMU was killed at it."""
        writes, place = [], SECTOR
        end = self.log.stat().st_size
        with self.log.open("rb") as log:
            entries = HEAD.unpack(log.read(HEAD.size))[2] if end else 0
            while place + SECTOR <= end:
                log.seek(place)
                sector, count, flags, _ = ENTRY.unpack(log.read(ENTRY.size))
                place += SECTOR
                write = Write(sector * SECTOR, place, count * SECTOR, flags == FLUSH)
                place += write.size
                if not (count or flags) or place > end:
                    break
                writes.append(write)
        if len(writes) < entries:
            raise AssertionError(f"{self.log} has {entries} entries at least, but {len(writes)} are in order")
        return writes
