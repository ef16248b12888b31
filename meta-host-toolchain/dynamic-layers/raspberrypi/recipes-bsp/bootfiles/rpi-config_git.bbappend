# SPDX-License-Identifier: MIT OR Apache-2.0
# The recipe takes a config.txt full of comments from git. This one has the lines that the recipe replaces, as variables of
# meta-raspberrypi ask for it.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
SRC_URI = "file://config.txt"

S = "${UNPACKDIR}"
