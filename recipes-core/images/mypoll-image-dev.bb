# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "mypoll-image for development: root logs in without a password"
DESCRIPTION = "With an SSH server, gdb, strace, perf, mypollctl and the tests. Only for a trusted network."

require mypoll-image.inc

IMAGE_FEATURES += "\
    allow-empty-password \
    allow-root-login \
    empty-root-password \
    ssh-server-dropbear \
    tools-debug \
"

IMAGE_INSTALL += "\
    mypoll-examples \
    mypoll-selftest \
    mypollctl \
    perf \
"
