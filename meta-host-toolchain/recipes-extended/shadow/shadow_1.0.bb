# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "What packages with users of their own ask for"
DESCRIPTION = "Empty: users are added when the image is made, and busybox has what is needed to log in and to change passwords."
SECTION = "base"
LICENSE = "MIT"

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"

ALLOW_EMPTY:${PN} = "1"
