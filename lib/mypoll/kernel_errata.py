# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks that workarounds for errata and vulnerabilities of CPUs are on if they are on by default.

allnoconfig turns them off, and a kernel without them still boots, so the loss would go unnoticed.
"""

import re

from . import kernel_config

# Matches the options in arch/arm64/Kconfig, arch/x86/Kconfig and drivers/clocksource/Kconfig of 6.18 and 7.3.
NAME = re.compile(r"CONFIG_\w*(ERRATUM|WORKAROUND|MITIGAT|PREITS)\w*")


def without(config):
    """The configuration `config` (text) without these options: `make olddefconfig` then sets them to their defaults."""
    return "".join(line for line in config.splitlines(keepends=True) if not NAME.search(line))


def off(config, defaults):
    """These options, sorted, that are on in `defaults` and off in `config`; both are the texts of configurations."""
    default, ours = (
        {option for option, value in kernel_config.parse(text).items() if value == "y"}
        for text in (defaults, config)
    )
    return sorted(option for option in default - ours if NAME.fullmatch(option))


def report(options):
    """One message with all `options`."""
    return "\n  ".join(["workarounds that are on by default are off: add to a fragment", *(f"{name}=y" for name in options)])
