// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machines and choices that `mypoll-image` is tested for.

use super::Build;

/// With the host's toolchain, in minutes, and what testimage needs in it.
pub const HOST_QEMUARM64: Build = Build {
    name: "host-toolchain-qemuarm64",
    files: &[
        "kas/qemuarm64.yml",
        "kas/host-toolchain.yml",
        "kas/testimage.yml",
    ],
};

/// The same as a board that testimage reaches over ssh, in the same folder.
pub const BOARD_QEMUARM64: Build = Build {
    name: HOST_QEMUARM64.name,
    files: &[
        "kas/qemuarm64.yml",
        "kas/host-toolchain.yml",
        "kas/testimage-board.yml",
    ],
};

/// [`HOST_QEMUARM64`] for QEMU's PC.
pub const HOST_QEMUX86_64: Build = Build {
    name: "host-toolchain-qemux86-64",
    files: &[
        "kas/qemux86-64.yml",
        "kas/host-toolchain.yml",
        "kas/testimage.yml",
    ],
};

/// With the host's toolchain and nothing for tests.
pub const PRODUCT_QEMUARM64: Build = build(
    "product-qemuarm64",
    &["kas/qemuarm64.yml", "kas/host-toolchain.yml"],
);

/// For the Raspberry Pis what [`HOST_QEMUARM64`] is for QEMU.
pub const HOST_RASPBERRYPI3_64: Build = build(
    "host-toolchain-raspberrypi3-64",
    &[
        "kas/raspberrypi3-64.yml",
        "kas/host-toolchain.yml",
        "kas/testimage.yml",
    ],
);

/// See [`HOST_RASPBERRYPI3_64`].
pub const HOST_RASPBERRYPI4_64: Build = build(
    "host-toolchain-raspberrypi4-64",
    &[
        "kas/raspberrypi4-64.yml",
        "kas/host-toolchain.yml",
        "kas/testimage.yml",
    ],
);

/// See [`HOST_RASPBERRYPI3_64`].
pub const HOST_RASPBERRYPI5: Build = build(
    "host-toolchain-raspberrypi5",
    &[
        "kas/raspberrypi5.yml",
        "kas/host-toolchain.yml",
        "kas/testimage.yml",
    ],
);

/// With oe-core's toolchain, in hours.
pub const FROM_SOURCE: [Build; 11] = [
    build("qemuarm64", &["kas/qemuarm64.yml"]),
    build("qemux86-64", &["kas/qemux86-64.yml"]),
    build("raspberrypi0-2w-64", &["kas/raspberrypi0-2w-64.yml"]),
    build("raspberrypi3-64", &["kas/raspberrypi3-64.yml"]),
    build("raspberrypi4-64", &["kas/raspberrypi4-64.yml"]),
    build("raspberrypi5", &["kas/raspberrypi5.yml"]),
    build(
        "without-meta-rust-bin",
        &["kas/qemuarm64.yml", "kas/rust-oe-core.yml"],
    ),
    build(
        "without-systemd",
        &["kas/qemuarm64.yml", "tests/yocto/kas/without-systemd.yml"],
    ),
    build(
        "debug-kernel",
        &["kas/qemuarm64.yml", "kas/debug-kernel.yml"],
    ),
    build("cve-check", &["kas/qemuarm64.yml", "kas/cve-check.yml"]),
    build(
        "vendor-kernel",
        &["kas/raspberrypi4-64.yml", "kas/vendor-kernel.yml"],
    ),
];

/// All of them.
pub fn all() -> impl Iterator<Item = Build> {
    FROM_SOURCE
        .into_iter()
        .chain([HOST_QEMUARM64, HOST_QEMUX86_64, PRODUCT_QEMUARM64])
        .chain([
            HOST_RASPBERRYPI3_64,
            HOST_RASPBERRYPI4_64,
            HOST_RASPBERRYPI5,
        ])
}

const fn build(name: &'static str, files: &'static [&'static str]) -> Build {
    Build { name, files }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn all_files_are_there() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for file in all().flat_map(|build| build.files) {
            assert!(repo.join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn no_two_share_a_folder() {
        let mut names: Vec<_> = all().map(|build| build.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
