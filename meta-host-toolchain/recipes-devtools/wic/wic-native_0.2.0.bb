# SPDX-License-Identifier: MIT OR Apache-2.0
SUMMARY = "Creates disk images with partitions"
DESCRIPTION = "oe-core takes it from a separate repository. This is the last one in openembedded-core itself, from the parent \
of the commit \"wic: remove to standalone repository\": in a git repository that the build needs anyway."
HOMEPAGE = "https://git.yoctoproject.org/wic"
SECTION = "devel"
LICENSE = "GPL-2.0-only & MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE.GPL-2.0-only;md5=4ee23c52855c222cba72583d301d2338 \
    file://LICENSE.MIT;md5=030cb33d2af49ccebca74d0588b84a21 \
"

SRC_URI = "git://git.openembedded.org/openembedded-core;protocol=https;nobranch=1"
SRCREV = "2aec21a4e40a1f10f95f4479aaa0b4766a15c689"

# 7 MB instead of oe-core's whole history.
BB_GIT_SHALLOW = "1"

inherit native

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# As it expects to find itself, with the two modules of oe-core that it uses. Of bitbake, which the host's Python does not find,
# those need nothing for what wic does with them.
do_install() {
    wic=${D}${libexecdir}/wic
    install -d $wic/scripts/lib $wic/meta/lib/oe ${D}${bindir}
    install -m 0755 ${S}/scripts/wic $wic/scripts/
    cp -R --no-preserve=ownership ${S}/scripts/lib/wic $wic/scripts/lib/
    install -m 0644 ${S}/scripts/lib/scriptpath.py $wic/scripts/lib/
    install -m 0644 ${S}/meta/lib/oe/bootfiles.py $wic/meta/lib/oe/
    sed -e '/^import bb\.parse$/d' -e '/^@bb\.parse\./d' ${S}/meta/lib/oe/path.py > $wic/meta/lib/oe/path.py
    ln -s ../libexec/wic/scripts/wic ${D}${bindir}/wic
}
