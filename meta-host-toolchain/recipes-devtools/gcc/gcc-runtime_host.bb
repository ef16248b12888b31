# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Provides oe-core's name of the compiler's libraries"
DESCRIPTION = "Empty: libgcc is in glibc, and nothing here is written in C++."
LICENSE = "MIT"
PROVIDES = "virtual/compilerlibs"

PV = "${HOST_GCC_VERSION}"

inherit nopackages

INHIBIT_DEFAULT_DEPS = "1"
