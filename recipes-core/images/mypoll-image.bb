# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Product image: driver and agent on a read-only root file system"
DESCRIPTION = "Nobody can log in: root has no password login, and there is no SSH server. Everything else is as in mypoll-image-dev."

require mypoll-image.inc
