// SPDX-License-Identifier: MIT OR Apache-2.0
//! A QEMU that emulates a Raspberry Pi 3 and 4, as QEMU 9 and newer do: the host's, or Debian 13's in a folder of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::deps::host::output;
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

const PROGRAM: &str = "qemu-system-aarch64";
const PACKAGE: &str = "qemu-system-arm";

/// Starts the unpacked program with its own loader and libraries, as the host's may be older.
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

/// The program's path.
///
/// # Errors
/// Neither the host nor Debian's archive has one.
pub fn qemu(cache: Cache<'_>) -> Result<PathBuf> {
    if has_the_board(Path::new(PROGRAM)) {
        return Ok(PROGRAM.into());
    }
    Ok(cache.ensure(&Unpacked::new(cache))?.join(PROGRAM))
}

fn has_the_board(program: &Path) -> bool {
    output(Command::new(program).args(["-machine", "help"]))
        .is_ok_and(|machines| machines.lines().any(|line| line.starts_with("raspi4b ")))
}

/// Debian's package with all that it depends on. Whatever version the archive has is taken, and kept.
struct Unpacked<'a> {
    cache: Cache<'a>,
    key: Key,
}

impl<'a> Unpacked<'a> {
    fn new(cache: Cache<'a>) -> Self {
        let key = KeyBuilder::new("qemu").text(PACKAGE).text(WRAPPER).finish();
        Self { cache, key }
    }
}

impl Product for Unpacked<'_> {
    fn task(&self) -> Task {
        Task::new("qemu", "fetching a QEMU with the Raspberry Pi 4")
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        PrivateApt::open(&self.cache.paths.cache, log)?
            .unpack_with_dependencies(PACKAGE, result, log)?;
        let wrapper = result.join(PROGRAM);
        fs::write(&wrapper, WRAPPER)
            .and_then(|()| fs::set_permissions(&wrapper, Permissions::from_mode(0o755)))
            .with_context(|| format!("can't write {}", wrapper.display()))?;
        ensure!(
            has_the_board(&wrapper),
            "Debian's {PACKAGE} does not start here, or has no raspi4b"
        );
        Ok(())
    }
}
