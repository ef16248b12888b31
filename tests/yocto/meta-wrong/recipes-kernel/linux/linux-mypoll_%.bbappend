# SPDX-License-Identifier: MIT OR Apache-2.0
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

# Kconfig drops RUST for it.
KERNEL_FRAGMENTS:append:rust-dropped = " modversions"

OLD_BINDGEN := "${THISDIR}/files/old-bindgen"
EXTRA_OEMAKE:append:old-bindgen = " BINDGEN=${OLD_BINDGEN}"
