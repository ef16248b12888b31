# SPDX-License-Identifier: MIT OR Apache-2.0
# gdb, strace and perf are not built here.
IMAGE_FEATURES:remove = "tools-debug"
IMAGE_INSTALL:remove = "perf"
