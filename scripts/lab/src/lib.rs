// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lab: builds the whole system (kernel, driver, agent, root file system) for QEMU's arm64 `virt` board, boots it,
//! and presses its buttons. `scripts/demo`, `test`, `run`, `press`, `bench` and `deb` are thin wrappers around its
//! binary; the tests in `tests/` use this library.
//!
//! Imports point downward only: `cmd`, `cli`, then `vm` and `yocto`, `build`, `deps`, `store`.

pub mod build;
pub mod cli;
pub mod cmd;
pub mod deps;
pub mod store;
pub mod vm;
pub mod yocto;

pub use build::{BuildOptions, Flavour, System, build};
pub use store::paths::Paths;
pub use store::step::Progress;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use walkdir::WalkDir;

    /// From top to bottom. A file imports only from its own folder and from lower layers.
    const LAYERS: [&[&str]; 6] = [
        &["cmd"],
        &["cli"],
        &["vm", "yocto"],
        &["build"],
        &["deps"],
        &["store"],
    ];

    fn layer(name: &str) -> Option<usize> {
        LAYERS.iter().position(|layer| layer.contains(&name))
    }

    #[test]
    fn imports_point_downward() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for entry in WalkDir::new(&src).into_iter().map(Result::unwrap) {
            let path = entry.path().strip_prefix(&src).unwrap();
            let folder = path.with_extension("");
            let folder = folder.iter().next().unwrap_or_default().to_str().unwrap();
            let (Some(own), true) = (layer(folder), entry.file_type().is_file()) else {
                continue;
            };
            let text = fs::read_to_string(entry.path()).unwrap();
            for import in text.split("use crate::").skip(1) {
                let name = import.split("::").next().unwrap();
                let down = layer(name).is_none_or(|other| other > own || name == folder);
                assert!(down, "{} imports {name}", path.display());
            }
        }
    }
}
