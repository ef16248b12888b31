// SPDX-License-Identifier: MIT OR Apache-2.0
//! Build configurations: chains of kas files.

use std::ffi::OsString;
use std::path::Path;

/// A configuration with its own build folder.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Name of the build folder.
    pub name: &'static str,
    /// kas files without `.yml`, separated by colons; in `kas/`, or relative to the repository.
    chain: &'static str,
}

/// Creates a build with this name of the build folder.
pub const fn build(name: &'static str, chain: &'static str) -> Build {
    Build { name, chain }
}

/// Appended to each chain: skips the connectivity check and uses the lab's Rust as the host's.
const ALWAYS: [&str; 2] = ["offline", "tests/yocto/kas/lab"];

impl Build {
    /// The machine, after which the first kas file is named.
    pub fn machine(&self) -> &'static str {
        self.chain.split(':').next().unwrap_or_default()
    }

    /// The chain as an argument of kas.
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

/// Built with the host toolchain, in minutes, with testimage's additions.
pub const HOST_QEMUARM64: Build = build(
    "host-toolchain-qemuarm64",
    "qemuarm64:host-toolchain:testimage",
);

/// The same build, as a board that testimage reaches over ssh. Shares the build folder.
pub const BOARD_QEMUARM64: Build = build(
    HOST_QEMUARM64.name,
    "qemuarm64:host-toolchain:testimage-board",
);

/// Built with the host toolchain, without additions for tests.
pub const PRODUCT_QEMUARM64: Build = build("product-qemuarm64", "qemuarm64:host-toolchain");

/// Built with oe-core's toolchain, in hours.
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
    fn chains_are_absolute_and_complete() {
        assert_eq!(
            build("a", "a:tests/b").chain(Path::new("/r")),
            "/r/kas/a.yml:/r/tests/b.yml:/r/kas/offline.yml:/r/tests/yocto/kas/lab.yml"
        );
    }

    #[test]
    fn all_kas_files_exist() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let others = [HOST_QEMUARM64, BOARD_QEMUARM64, PRODUCT_QEMUARM64];
        for build in FROM_SOURCE.into_iter().chain(others) {
            for file in build.chain(&repo).to_str().unwrap().split(':') {
                assert!(Path::new(file).is_file(), "{file}");
            }
        }
    }
}
