# SPDX-License-Identifier: MIT OR Apache-2.0
"""Simulates a card's write cache, which loses writes on a power cut.

QEMU's driver "blklogwrites" logs all writes, in the format of Linux's dm-log-writes. After power-off, the writes that survive
are copied from the log to the card's file.
"""

import struct
from typing import NamedTuple

from commands import run

SECTOR = 512
# The first sector: a magic number, the version, and the number of entries at the last flush.
HEAD = struct.Struct("<QQQ")
# Sector, number of sectors, flags, length. Each entry has its own sector, before its data.
ENTRY = struct.Struct("<QQQQ")
FLUSH = 1
# Makes QEMU's disk behave like a card. blklogwrites logs write-zeroes requests too late, and a merged request may have too many
# parts once the log's own is added.
DISK = "write-cache=on,discard=off,write-zeroes=off,request-merging=off"
# Don't flush the host's disk: its power is not cut.
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
        """QEMU's options for the block device "card", a copy of the file."""
        run("cp", "--sparse=always", self.file, self.copy)
        self.log.write_bytes(b"")
        return [
            *("-blockdev", f"driver=file,{NO_FLUSH},node-name=copy,filename={self.copy}"),
            *("-blockdev", f"driver=file,{NO_FLUSH},node-name=log,filename={self.log}"),
            *("-blockdev", f"driver=blklogwrites,node-name=card,file=copy,log=log,log-sector-size={SECTOR}"),
        ]

    def power_off(self, is_kept):
        """
        Writes to the file what was written before the last flush, and those later (cached) writes for which `is_kept` returns
        true. Returns the number of cached writes, and how many of them are lost.
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
        """All complete writes, in order. The last one may be incomplete if QEMU was killed."""
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
            raise AssertionError(f"{self.log} should have {entries} entries or more, but only {len(writes)} are valid")
        return writes
