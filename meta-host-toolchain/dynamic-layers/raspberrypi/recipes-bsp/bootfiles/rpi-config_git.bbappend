# SPDX-License-Identifier: MIT OR Apache-2.0
# The recipe fetches a fully commented config.txt from git. This one has the lines that the recipe replaces according to variables of
# meta-raspberrypi.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
SRC_URI = "file://config.txt"

S = "${UNPACKDIR}"
