# SPDX-License-Identifier: MIT OR Apache-2.0
"""What differs between images with SysV init, and those with systemd (MYPOLL_INIT=systemd)."""

import os


class SysV:
    # What the console shows of a boot, in this order.
    MARKS = (
        r"EXT4-fs \(vda3\): mounted",
        r"grows to the end of the disk",
        r"Configuring network interfaces",
        r"Starting Dropbear",
        r"Starting mypoll-agent",
    )
    LOG = "cat /var/log/messages"


class Systemd:
    MARKS = (
        r"EXT4-fs \(vda3\): mounted",
        r"grows to the end of the disk",
        r"systemd\[1\]: Started mypoll-agent\.service",
    )
    LOG = "journalctl --boot --no-pager"


INIT = {"sysv": SysV, "systemd": Systemd}[os.environ.get("MYPOLL_INIT", "sysv")]
