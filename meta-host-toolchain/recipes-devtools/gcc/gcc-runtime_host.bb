# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The name under which oe-core asks for the compiler's libraries"
DESCRIPTION = "Empty: libgcc comes with glibc, and nothing here is written in C++."
LICENSE = "MIT"
PROVIDES = "virtual/compilerlibs"

PV = "${HOST_GCC_VERSION}"

inherit nopackages

INHIBIT_DEFAULT_DEPS = "1"
