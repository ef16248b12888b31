# SPDX-License-Identifier: MIT OR Apache-2.0
BBIMPORTS = ["cargo_lock", "kernel_config", "kernel_errata"]
