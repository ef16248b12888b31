# SPDX-License-Identifier: MIT OR Apache-2.0
"""The check for workarounds: what is on by default for an erratum or a weakness of a CPU has to be on.

allnoconfig turns them off, and a kernel that lacks them still boots, so nobody notices.
"""

import re

from . import kernel_config

# The names of such options in arch/arm64/Kconfig, arch/x86/Kconfig and drivers/clocksource/Kconfig of 6.18 and 7.3.
NAME = re.compile(r"CONFIG_\w*(ERRATUM|WORKAROUND|MITIGAT|PREITS)\w*")


def without(config):
    """The text of a configuration without these options: `make olddefconfig` sets them to their defaults."""
    return "".join(line for line in config.splitlines(keepends=True) if not NAME.search(line))


def off(config, defaults):
    """The options that are on in the text `defaults` and off in the text `config`, sorted."""
    default, ours = (
        {option for option, value in kernel_config.parse(text).items() if value == "y"}
        for text in (defaults, config)
    )
    return sorted(option for option in default - ours if NAME.fullmatch(option))


def report(options):
    """One message that names them all."""
    return "\n  ".join(["workarounds that are on by default are off: add to a fragment", *(f"{name}=y" for name in options)])
