# SPDX-License-Identifier: MIT OR Apache-2.0
"""The modules of scripts/flash."""


class Refusal(Exception):
    """Why nothing is written. The message is a sentence without its final period."""


def is_zero(data):
    return data == bytes(len(data))
