# SPDX-License-Identifier: MIT OR Apache-2.0
# kernel.org is not a package registry. Debian's tarball is repacked: the same tree except for a few blobs, so it has another
# checksum. Versions that Debian lacks come from kernel.org.
DEBIAN_LINUX_SHA256[6.18.12] = "cdd35bf421e4c2c480ab333ef82053d3244e913c08ea7c1fe7ee387e10adb395"
DEBIAN_LINUX_SHA256[6.18.15] = "fdf4c4d487c95b17a41cb38003faef86669e532a44fe702eb31a3390b6a60cca"

python () {
    version = d.getVar("LINUX_MYPOLL_VERSION")
    sha256 = d.getVarFlag("DEBIAN_LINUX_SHA256", version)
    if sha256:
        uris = d.getVar("SRC_URI").split()
        tarball = next(uri for uri in uris if uri.endswith(".tar.xz"))
        # Unexpanded: the kernel does not depend on the mirror.
        debian = f"${{DEBIAN_MIRROR}}/main/l/linux/linux_{version}.orig.tar.xz"
        d.setVar("SRC_URI", " ".join(debian if uri == tarball else uri for uri in uris))
        d.setVarFlag("SRC_URI", "sha256sum", sha256)
}
