# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Dependency of packages with users"
DESCRIPTION = "Empty: users are added when the image is created, and busybox provides logins and password changes."
SECTION = "base"
LICENSE = "MIT"

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"

ALLOW_EMPTY:${PN} = "1"
