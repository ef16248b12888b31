// SPDX-License-Identifier: MIT OR Apache-2.0
//! cargo for programs that run on another machine: the guest, or a board with Debian.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::sysroot::Sysroot;
use super::{GUEST_TARGET, NO_RUSTUP, Rustc, library, rustup};
use crate::deps::cargo::cargo;
use crate::deps::host::CROSS;
use crate::store::cache::Cache;

/// Where the guest's standard library comes from.
#[derive(Clone, Debug)]
enum GuestLibrary {
    /// The toolchain has it.
    Installed,
    /// Cargo builds it, from the library's source in this sysroot.
    Built(PathBuf),
}

/// rustc with a standard library for [`GUEST_TARGET`].
#[derive(Clone, Debug)]
pub struct GuestRust {
    rustc: Rustc,
    library: GuestLibrary,
    repo: PathBuf,
}

impl GuestRust {
    /// Finds both; gets what is missing with rustup where that works, else from Debian's archive.
    pub fn prepare(cache: Cache<'_>) -> Result<Self> {
        let rustc = Rustc::find()?;
        let rustup = access(&rustc, cache);
        let library = if rustup.has_or_adds_target(cache, &rustc)? {
            GuestLibrary::Installed
        } else {
            let source = library::find_or_get(cache, &rustc, &rustup)?;
            GuestLibrary::Built(cache.ensure(&Sysroot::new(&rustc, &source))?)
        };
        Ok(Self {
            rustc,
            library,
            repo: cache.paths.repo.clone(),
        })
    }

    /// What has a part in the programs, but for the C library and the linker.
    pub fn for_key(&self) -> String {
        format!("{}{:?}", self.rustc.verbose, self.library)
    }

    /// The machine that compiles, such as `x86_64-unknown-linux-gnu`.
    pub fn host(&self) -> Result<&str> {
        self.rustc.host()
    }

    /// `cargo build` for [`GUEST_TARGET`] or the [`host`](Self::host), with `flags` for rustc: programs in
    /// `folder/TARGET/release`.
    pub fn cargo_build(&self, target: &str, flags: &str, folder: &Path) -> Command {
        let mut flags = flags.to_owned();
        let mut cargo = cargo(&self.repo, folder);
        cargo.args(["build", "--locked", "--release", "--target", target]);
        if let (GUEST_TARGET, GuestLibrary::Built(sysroot)) = (target, &self.library) {
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1");
            flags += &format!(" --sysroot={}", sysroot.display());
        }
        cargo
            .env(
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                format!("{CROSS}gcc"),
            )
            .env("RUSTFLAGS", flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        cargo
    }
}

/// Whether and how rustup may be used.
pub(super) fn access(rustc: &Rustc, cache: Cache<'_>) -> rustup::Access {
    if env::var_os(NO_RUSTUP).is_some_and(|value| !value.is_empty()) {
        rustup::Access::Refused
    } else {
        rustup::Access::of(rustc, cache.progress.may_install())
    }
}
