# SPDX-License-Identifier: MIT OR Apache-2.0
# The recipe downloads the firmware from an archive that is not a package registry. Debian's package contains the same kinds of files,
# as released by Raspberry Pi in April 2024, unmodified.
RPIFW_DATE = "20240424"
RPIFW_SRC_URI = "${DEBIAN_MIRROR}/non-free-firmware/r/raspi-firmware/raspi-firmware_1.${RPIFW_DATE}+ds-6_all.deb"
SRC_URI[sha256sum] = "f95a3d3c41df10bac33580be91b595efa1e126ad5e4b7eca75ce26fbbc69af06"

# The same licence in Debian's form: the paragraph on boot/*.
# nooelint: oelint.append.protvars.LIC_FILES_CHKSUM - the source is another one
LIC_FILES_CHKSUM = "file://${UNPACKDIR}/usr/share/doc/raspi-firmware/copyright;beginline=19;endline=49;md5=673c6a2aae7d64c4a87770052df74e4e"

S = "${UNPACKDIR}/usr/lib/raspi-firmware"
