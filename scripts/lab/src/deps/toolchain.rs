// SPDX-License-Identifier: MIT OR Apache-2.0
//! The compilers: clang, rustc, the Rust library's source, bindgen, and the library for the guest.

mod bindgen;
mod guest;
mod library;
mod rustup;
mod sysroot;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::deps::host::packages::Llvm;
use crate::deps::host::{CROSS, is_arm64, output};
use crate::store::cache::Cache;
pub use guest::GuestRust;

/// The oldest rustc that builds everything here.
const RUSTC_MIN: (u32, u32) = (1, 85);

/// What the guest's programs are compiled for.
pub const GUEST_TARGET: &str = "aarch64-unknown-linux-gnu";

/// Set to anything but the empty string, this makes the build do without rustup, as on a machine where rustup can't
/// download: the Rust library's source then comes from Debian's archive, the guest's library is built from it.
const NO_RUSTUP: &str = "MYPOLL_NO_RUSTUP";

/// All compilers, ready to be used.
#[derive(Clone, Debug)]
pub struct Toolchain {
    llvm: Llvm,
    bindgen: PathBuf,
    library: PathBuf,
    guest_rust: GuestRust,
    for_kernel: String,
    for_guest_c: String,
}

impl Toolchain {
    /// Finds them, and gets what is missing: with rustup where that works, else from Debian's archive and crates.io.
    pub fn prepare(cache: Cache<'_>, llvm: Llvm) -> Result<Self> {
        let rustc = Rustc::find()?;
        let library = library::find_or_get(cache, &rustc, &guest::access(&rustc, cache))?;
        let guest_rust = GuestRust::prepare(cache)?;
        let bindgen = bindgen::find_or_install(cache, &rustc)?;
        let clang = llvm.bin().map_or("clang".into(), |bin| bin.join("clang"));
        Ok(Self {
            for_kernel: format!(
                "{}{}{}{}",
                rustc.verbose,
                output(Command::new(clang).arg("--version"))?,
                output(Command::new(&bindgen).arg("--version"))?,
                library.display()
            ),
            for_guest_c: output(Command::new(guest_gcc()).arg("--version"))?,
            llvm,
            bindgen,
            library,
            guest_rust,
        })
    }

    /// The folder of the Rust library's source.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What has a part in the kernel, for its key.
    pub fn for_kernel(&self) -> &str {
        &self.for_kernel
    }

    /// What has a part in the guest's C programs.
    pub fn for_guest_c(&self) -> &str {
        &self.for_guest_c
    }

    /// cargo for the guest.
    pub fn guest_rust(&self) -> &GuestRust {
        &self.guest_rust
    }

    /// `make` as the kernel wants it, arm64 with LLVM and Rust.
    pub fn kernel_make(&self) -> Command {
        let mut make = Command::new("make");
        make.args(["ARCH=arm64", "LLVM=1"])
            .env("PATH", self.path())
            .env("RUST_LIB_SRC", &self.library)
            // The same source gives the same image, whoever builds it, and when.
            .env("KBUILD_BUILD_USER", "mypoll")
            .env("KBUILD_BUILD_HOST", "lab")
            .env("KBUILD_BUILD_VERSION", "1")
            .env("KBUILD_BUILD_TIMESTAMP", "1970-01-01");
        if let Some(lib) = self.llvm.lib() {
            make.env("LIBCLANG_PATH", lib);
        }
        for variable in ["MAKEFLAGS", "MFLAGS", "KCFLAGS", "KRUSTFLAGS", "RUSTFLAGS"] {
            make.env_remove(variable);
        }
        make
    }

    /// The C compiler for the guest: static programs.
    pub fn cc_for_guest(&self) -> Command {
        let mut cc = Command::new(guest_gcc());
        cc.arg("-static");
        cc
    }

    /// `cargo build` for the guest: static programs in `target/TARGET/release`.
    pub fn cargo_build_for_guest(&self, target: &Path) -> Command {
        let flags = "-Ctarget-feature=+crt-static";
        self.guest_rust.cargo_build(GUEST_TARGET, flags, target)
    }

    fn path(&self) -> OsString {
        let own = env::var_os("PATH").unwrap_or_default();
        let bindgen = self.bindgen.parent().map(Path::to_owned);
        let folders = self
            .llvm
            .bin()
            .into_iter()
            .chain(bindgen)
            .chain(env::split_paths(&own));
        env::join_paths(folders.chain(["/usr/sbin".into(), "/sbin".into()])).unwrap_or(own)
    }
}

/// The Rust compiler in PATH.
#[derive(Clone, Debug)]
struct Rustc {
    /// Such as `1.95.0`.
    release: String,
    /// All that `rustc -vV` says.
    verbose: String,
    sysroot: PathBuf,
}

impl Rustc {
    fn find() -> Result<Self> {
        let verbose = output(Command::new("rustc").arg("-vV"))?;
        let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let release = field(&verbose, "release")
            .context("rustc -vV names no release")?
            .to_owned();
        ensure!(
            is_at_least(&release, RUSTC_MIN),
            "rustc is {release}, {}.{} or newer is needed: 'rustup update stable' gets it",
            RUSTC_MIN.0,
            RUSTC_MIN.1
        );
        Ok(Self {
            release,
            verbose,
            sysroot: PathBuf::from(sysroot.trim()),
        })
    }

    /// Such as `x86_64-unknown-linux-gnu`.
    fn host(&self) -> Result<&str> {
        field(&self.verbose, "host").context("rustc -vV names no host")
    }
}

/// The name of the C compiler for the guest.
fn guest_gcc() -> String {
    let cross = if is_arm64() { "" } else { CROSS };
    format!("{cross}gcc")
}

fn field<'a>(verbose: &'a str, name: &str) -> Option<&'a str> {
    verbose
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Whether a version such as `1.95.0-nightly` is at least that major and minor one.
fn is_at_least(version: &str, min: (u32, u32)) -> bool {
    let mut parts = version
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    parts
        .next()
        .zip(parts.next())
        .is_some_and(|found| found >= min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(is_at_least("1.95.0", (1, 85)));
        assert!(is_at_least("1.85.0-nightly", (1, 85)));
        assert!(is_at_least("1.100.0", (1, 85)));
        assert!(!is_at_least("1.84.1", (1, 85)));
        assert!(!is_at_least("0.99.0", (1, 85)));
        assert!(!is_at_least("unknown", (1, 85)));
    }

    #[test]
    fn fields_are_read() {
        let verbose = "rustc 1.95.0 (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(field(verbose, "release"), Some("1.95.0"));
        assert_eq!(field(verbose, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(verbose, "LLVM version"), None);
    }
}
