# SPDX-License-Identifier: MIT OR Apache-2.0
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

# Kconfig drops RUST for it.
KERNEL_FRAGMENTS:append:rust-dropped = " modversions"

KERNEL_FRAGMENTS:append:erratum-off = " erratum-off"

# Looked at before anything is configured, and the source need not be unpacked again for it.
OLD_BINDGEN := "${THISDIR}/files/old-bindgen"
EXTRA_OEMAKE:append:old-bindgen = " BINDGEN=${OLD_BINDGEN}"
