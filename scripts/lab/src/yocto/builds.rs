// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is built: files of `kas/` in a row.

use std::ffi::OsString;
use std::path::Path;

/// A configuration of its own, with a build folder of its own.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Of file-name characters: it names the build folder.
    pub name: &'static str,
    /// Files of `kas/`, or relative to the repository, without `.yml`, with colons between them.
    chain: &'static str,
}

/// One with a build folder of that name.
pub const fn build(name: &'static str, chain: &'static str) -> Build {
    Build { name, chain }
}

/// Whether the network's other end answers is not what is tested, and the host's Rust is the one that the lab uses.
const ALWAYS: [&str; 2] = ["offline", "tests/yocto/kas/lab"];

impl Build {
    /// The files as kas takes them.
    pub(super) fn chain(&self, repo: &Path) -> OsString {
        let files: Vec<_> = self
            .chain
            .split(':')
            .chain(ALWAYS)
            .map(|name| {
                let folder = if name.contains('/') { "" } else { "kas" };
                let file = repo.join(folder).join(format!("{name}.yml"));
                file.into_os_string()
            })
            .collect();
        files.join(":".as_ref())
    }
}

/// With the host's toolchain, in minutes, and what testimage needs in it.
pub const HOST_QEMUARM64: Build = build(
    "host-toolchain-qemuarm64",
    "qemuarm64:host-toolchain:testimage",
);

/// The same as a board that testimage reaches over ssh, in the same folder.
pub const BOARD_QEMUARM64: Build = build(
    HOST_QEMUARM64.name,
    "qemuarm64:host-toolchain:testimage-board",
);

/// With the host's toolchain and nothing for tests.
pub const PRODUCT_QEMUARM64: Build = build("product-qemuarm64", "qemuarm64:host-toolchain");

/// With oe-core's toolchain, in hours.
pub const FROM_SOURCE: [Build; 11] = [
    build("qemuarm64", "qemuarm64"),
    build("qemux86-64", "qemux86-64"),
    build("raspberrypi0-2w-64", "raspberrypi0-2w-64"),
    build("raspberrypi3-64", "raspberrypi3-64"),
    build("raspberrypi4-64", "raspberrypi4-64"),
    build("raspberrypi5", "raspberrypi5"),
    build("without-meta-rust-bin", "qemuarm64:rust-oe-core"),
    build(
        "without-systemd",
        "qemuarm64:tests/yocto/kas/without-systemd",
    ),
    build("debug-kernel", "qemuarm64:debug-kernel"),
    build("cve-check", "qemuarm64:cve-check"),
    build("vendor-kernel", "raspberrypi4-64:vendor-kernel"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chained() {
        assert_eq!(
            build("a", "a:tests/b").chain(Path::new("/r")),
            "/r/kas/a.yml:/r/tests/b.yml:/r/kas/offline.yml:/r/tests/yocto/kas/lab.yml"
        );
    }

    #[test]
    fn all_files_are_there() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let others = [HOST_QEMUARM64, BOARD_QEMUARM64, PRODUCT_QEMUARM64];
        for build in FROM_SOURCE.into_iter().chain(others) {
            for file in build.chain(&repo).to_str().unwrap().split(':') {
                assert!(Path::new(file).is_file(), "{file}");
            }
        }
    }
}
