# SPDX-License-Identifier: MIT OR Apache-2.0
"""What scripts/flash is made of."""


class Refusal(Exception):
    """Why nothing is written. The message is a sentence without its full stop."""


def is_zero(data):
    return data == bytes(len(data))
