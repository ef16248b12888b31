# SPDX-License-Identifier: MIT OR Apache-2.0
"""The differences between images with SysV init and with systemd (MYPOLL_INIT=systemd)."""

import os


class SysV:
    # Messages of a boot on the console, in this order.
    MARKS = (
        r"EXT4-fs \(vda3\): mounted",
        r"Growing \S+ to the end of the disk",
        r"Configuring network interfaces",
        r"Starting Dropbear",
        r"Starting mypoll-agent",
    )
    LOG = "cat /var/log/messages"
    # Seconds that the clock may go back over a power-off.
    CLOCK_BACK_S = 0


class Systemd:
    MARKS = (
        r"EXT4-fs \(vda3\): mounted",
        r"Growing \S+ to the end of the disk",
        r"systemd\[1\]: Started mypoll-agent\.service",
    )
    LOG = "journalctl --boot --no-pager"
    # Without a time server timesyncd saves the time this often (SaveIntervalSec=).
    CLOCK_BACK_S = 60


INIT = {"sysv": SysV, "systemd": Systemd}[os.environ.get("MYPOLL_INIT", "sysv")]
