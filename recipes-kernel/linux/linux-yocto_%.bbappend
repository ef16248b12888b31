# SPDX-License-Identifier: MIT OR Apache-2.0
require ${@bb.utils.contains('DISTRO_FEATURES', 'mypoll', 'mypoll-vendor-kernel.inc', '', d)}
