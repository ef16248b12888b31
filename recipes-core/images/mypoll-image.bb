# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "The product: driver and agent on a read-only root file system"
DESCRIPTION = "Nobody can log in: not as root, and there is no SSH server. Everything else is as in mypoll-image-dev."

require mypoll-image.inc
