// SPDX-License-Identifier: MIT OR Apache-2.0
//! A QEMU that emulates a Raspberry Pi 3 and 4 (QEMU 9 or newer): the host's, or Debian 13's, unpacked into the cache.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::build::devicetree::QEMU;
use crate::deps::host::output;
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

const PACKAGE: &str = "qemu-system-arm";

/// Starts the unpacked program with its own loader and libraries, since the host's may be older.
const WRAPPER: &str = r#"#!/bin/sh
root=$(dirname "$(readlink -f "$0")")
for loader in "$root"/usr/lib64/ld-linux-*.so.2 "$root"/usr/lib/ld-linux-*.so.1; do
    [ ! -e "$loader" ] || break
done
libraries=$(echo "$root"/usr/lib/*-linux-gnu)
export QEMU_MODULE_DIR="$libraries/qemu"
exec "$loader" --library-path "$libraries" "$root/usr/bin/qemu-system-aarch64" \
    -L "$root/usr/share/qemu" "$@"
"#;

/// The path of the program.
///
/// # Errors
/// Neither the host nor Debian's archive provides one.
pub fn qemu(cache: Cache<'_>) -> Result<PathBuf> {
    if has_board(Path::new(QEMU)) {
        return Ok(QEMU.into());
    }
    // The key contains no version: any version of the archive is used, and kept.
    let product = Product::new(
        Task::new("qemu", "fetching a QEMU with the Raspberry Pi 4"),
        KeyBuilder::new("qemu").text(PACKAGE).text(WRAPPER),
    );
    let folder = cache.ensure(&product, |result, log| {
        let apt = PrivateApt::open(&cache.paths.cache, log)?;
        apt.unpack_with_dependencies(PACKAGE, result, log)?;
        let wrapper = result.join(QEMU);
        fs::write(&wrapper, WRAPPER)?;
        fs::set_permissions(&wrapper, Permissions::from_mode(0o755))?;
        ensure!(
            has_board(&wrapper),
            "Debian's {PACKAGE} does not start on this machine, or lacks raspi4b"
        );
        Ok(())
    })?;
    Ok(folder.join(QEMU))
}

fn has_board(program: &Path) -> bool {
    output(Command::new(program).args(["-machine", "help"]))
        .is_ok_and(|machines| machines.lines().any(|line| line.starts_with("raspi4b ")))
}
