// SPDX-License-Identifier: MIT OR Apache-2.0
//! bindgen, which writes the kernel's Rust declarations of C.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Rustc, is_at_least};
use crate::deps::cargo_install::CargoInstall;
use crate::deps::host::{find_tool, output};
use crate::store::cache::Cache;

/// The oldest that Linux 6.18 takes is 0.65.1 (Documentation/process/changes.rst); 0.66.0 and 0.66.1 are broken.
const MIN: (u32, u32) = (0, 67);

/// What is installed when there is none.
const BINDGEN: CargoInstall = CargoInstall {
    name: "bindgen",
    package: "bindgen-cli",
    version: "0.72.1",
    options: &[],
};

/// The one in PATH if it is new enough, else one of our own from crates.io.
pub(super) fn find_or_install(cache: Cache<'_>, rustc: &Rustc) -> Result<PathBuf> {
    if let Some(found) = find_tool("bindgen").filter(|path| is_new_enough(path)) {
        return Ok(found);
    }
    BINDGEN.ensure(cache, rustc.host()?)
}

fn is_new_enough(bindgen: &Path) -> bool {
    output(Command::new(bindgen).arg("--version")).is_ok_and(|text| {
        text.trim()
            .strip_prefix("bindgen ")
            .is_some_and(|version| is_at_least(version, MIN))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_old_or_broken_one_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let says = |text: &str| {
            let path = dir.path().join("bindgen");
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            is_new_enough(&path)
        };
        assert!(says("echo bindgen 0.72.1"));
        assert!(!says("echo bindgen 0.60.1"));
        assert!(!says("exit 1"));
    }
}
