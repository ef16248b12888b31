# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs programs for tests."""

import subprocess


def run(*command, **options):
    ended = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if ended.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with status {ended.returncode}:\n{ended.stdout}")
    return ended.stdout
