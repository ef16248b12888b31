// SPDX-License-Identifier: MIT OR Apache-2.0
//! The compilers: clang, rustc, the Rust library's source, bindgen, and the guest's Rust library.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use semver::Version;

use crate::deps::cargo::cargo;
use crate::deps::cargo_install::CargoInstall;
use crate::deps::host::{CROSS, Llvm, find_tool, is_arm64, output};
use crate::deps::source::apt::PrivateApt;
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::step::Task;

/// The oldest rustc that can build everything.
const RUSTC_MIN: Version = Version::new(1, 85, 0);

/// Linux 6.18 requires bindgen 0.65.1 (Documentation/process/changes.rst); 0.66.0 and 0.66.1 are broken.
const BINDGEN_MIN: Version = Version::new(0, 67, 0);

/// The bindgen to install if none is found.
const BINDGEN: CargoInstall = CargoInstall {
    name: "bindgen",
    package: "bindgen-cli",
    version: "0.72.1",
    options: &[],
};

/// The target of the guest's programs.
pub const GUEST_TARGET: &str = "aarch64-unknown-linux-gnu";

/// All compilers.
#[derive(Clone, Debug)]
pub struct Toolchain {
    llvm: Llvm,
    bindgen: PathBuf,
    /// The folder of the Rust library's source.
    pub library: PathBuf,
    /// cargo for the guest.
    pub guest_rust: GuestRust,
    /// The versions of all tools that build the kernel, for its cache key.
    pub kernel_versions: String,
    /// The version of the C compiler for the guest, for cache keys.
    pub guest_c_version: String,
}

impl Toolchain {
    /// Finds the compilers. Installs missing ones with rustup if possible, or from Debian's archive and crates.io.
    pub fn prepare(cache: Cache<'_>, llvm: Llvm) -> Result<Self> {
        let rustc = Rustc::find()?;
        let library = rustc.library(cache)?;
        let bindgen = match find_tool("bindgen").filter(|path| bindgen_is_new_enough(path)) {
            Some(found) => found,
            None => BINDGEN.ensure(cache, &rustc.host)?,
        };
        let clang = llvm.bin().map_or("clang".into(), |bin| bin.join("clang"));
        Ok(Self {
            kernel_versions: format!(
                "{}{}{}{}",
                rustc.verbose,
                output(Command::new(clang).arg("--version"))?,
                output(Command::new(&bindgen).arg("--version"))?,
                library.display()
            ),
            guest_c_version: output(Command::new(guest_gcc()).arg("--version"))?,
            llvm,
            bindgen,
            library,
            guest_rust: GuestRust::prepare(cache)?,
        })
    }

    /// `make` with the options for a kernel for arm64, with LLVM and Rust.
    pub fn kernel_make(&self) -> Command {
        let mut make = Command::new("make");
        make.args(["ARCH=arm64", "LLVM=1"])
            .env("PATH", self.path())
            .env("RUST_LIB_SRC", &self.library)
            // For a reproducible image.
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

    /// The C compiler for the guest, for static programs.
    pub fn cc_for_guest(&self) -> Command {
        let mut cc = Command::new(guest_gcc());
        cc.arg("-static");
        cc
    }

    fn path(&self) -> OsString {
        let own = env::var_os("PATH").unwrap_or_default();
        let bindgen = self.bindgen.parent().map(Path::to_owned);
        let first = self.llvm.bin().into_iter().chain(bindgen);
        let last = ["/usr/sbin".into(), "/sbin".into()];
        env::join_paths(first.chain(env::split_paths(&own)).chain(last)).unwrap_or(own)
    }
}

/// The Rust compiler in PATH.
#[derive(Clone, Debug)]
struct Rustc {
    /// Such as `1.95.0`.
    release: String,
    /// Such as `x86_64-unknown-linux-gnu`.
    host: String,
    /// The output of `rustc -vV`.
    verbose: String,
    sysroot: PathBuf,
}

impl Rustc {
    fn find() -> Result<Self> {
        let verbose = output(Command::new("rustc").arg("-vV"))?;
        let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let field = |name: &str| {
            let mut fields = verbose.lines().filter_map(|line| line.split_once(": "));
            let found = fields.find(|(found, _)| *found == name);
            let (_, value) = found.with_context(|| format!("rustc -vV prints no {name}"))?;
            anyhow::Ok(value.to_owned())
        };
        let (release, host) = (field("release")?, field("host")?);
        ensure!(
            is_at_least(&release, &RUSTC_MIN),
            "rustc {release} is too old: {RUSTC_MIN} or newer is needed; 'rustup update stable' installs it"
        );
        Ok(Self {
            release,
            host,
            verbose,
            sysroot: PathBuf::from(sysroot.trim()),
        })
    }

    /// The source of Rust's library, from which the kernel builds its `core`: the folder `library` of the toolchain,
    /// which rustup can add, or of Debian's package of the same version.
    fn library(&self, cache: Cache<'_>) -> Result<PathBuf> {
        const CORE: &str = "core/src/lib.rs";
        let own = self.sysroot.join("lib/rustlib/src/rust/library");
        let exists = || own.join(CORE).exists();
        if exists() || self.rustup_adds(cache, &["component", "add", "rust-src"])? && exists() {
            return Ok(own);
        }
        let release = &self.release;
        let library = format!("usr/src/rustc-{release}/library");
        let product = Product::new(
            Task::new("rust-src", format!("fetching Debian's rust-src {release}")),
            KeyBuilder::new("rust-src").text(release),
        );
        let folder = cache.ensure(&product, |result, log| {
            let apt = PrivateApt::open(&cache.paths.cache, log)?;
            apt.unpack_package("rust-src", release, result, log)?;
            ensure!(
                result.join(&library).join(CORE).exists(),
                "Debian's rust-src does not contain {library}"
            );
            Ok(())
        })?;
        Ok(folder.join(library))
    }

    /// A sysroot that contains the library's source, as cargo requires. It consists of links, so that the toolchain
    /// stays unchanged.
    fn sysroot_with_library(&self, cache: Cache<'_>) -> Result<PathBuf> {
        let library = self.library(cache)?;
        let source = library.parent().unwrap_or(&library);
        let product = Product::new(
            Task::new(
                "sysroot",
                "linking the Rust library's source into a sysroot",
            ),
            KeyBuilder::new("sysroot")
                .text(&self.verbose)
                .text(self.sysroot.display())
                .text(source.display()),
        );
        cache.ensure(&product, |result, _| {
            let (rustlib, own) = (result.join("lib/rustlib"), self.sysroot.join("lib/rustlib"));
            fs::create_dir_all(rustlib.join("src"))?;
            symlink(own.join(&self.host), rustlib.join(&self.host))?;
            Ok(symlink(source, rustlib.join("src/rust"))?)
        })
    }

    /// Runs rustup if it manages the compiler. Returns false if it fails: callers have an alternative.
    ///
    /// # Errors
    /// rustup could add it, but nothing may be installed.
    fn rustup_adds(&self, cache: Cache<'_>, args: &[&str]) -> Result<bool> {
        let managed = output(Command::new("rustup").args(["which", "rustc"]))
            .is_ok_and(|path| self.sysroot.join("bin/rustc").as_os_str() == path.trim());
        if !managed {
            return Ok(false);
        }
        let command = format!("rustup {}", args.join(" "));
        if !cache.progress.may_install() {
            let component = args.last().unwrap_or(&"");
            bail!("missing: {component}\n  to install it: {command}");
        }
        let task = Task::new("rustup", format!("running '{command}'"));
        let result = cache.progress.step(cache.paths, &task, |log| {
            log.run(Command::new("rustup").args(args))
        });
        if let Err(error) = &result {
            let message = format!("{error}\nContinuing without rustup.");
            cache.progress.say(&message);
        }
        Ok(result.is_ok())
    }
}

/// The origin of the guest's standard library. Its Debug output is part of cache keys.
#[derive(Clone, Debug)]
enum GuestLibrary {
    /// Part of the toolchain.
    Installed,
    /// Built by cargo from the library's source in this sysroot.
    Built(PathBuf),
}

/// Builds programs for another machine: the guest, or a board with Debian.
#[derive(Clone, Debug)]
pub struct GuestRust {
    rustc: Rustc,
    library: GuestLibrary,
    repo: PathBuf,
}

impl GuestRust {
    /// Finds rustc and the library. Installs what is missing with rustup if possible, otherwise from Debian's archive.
    pub fn prepare(cache: Cache<'_>) -> Result<Self> {
        let rustc = Rustc::find()?;
        let own = rustc.sysroot.join("lib/rustlib").join(GUEST_TARGET);
        let library = if own.join("lib").exists()
            || rustc.rustup_adds(cache, &["target", "add", GUEST_TARGET])?
        {
            GuestLibrary::Installed
        } else {
            GuestLibrary::Built(rustc.sysroot_with_library(cache)?)
        };
        Ok(Self {
            rustc,
            library,
            repo: cache.paths.repo.clone(),
        })
    }

    /// The inputs of the programs for cache keys, except the C library and the linker.
    pub fn for_key(&self) -> String {
        format!("{}{:?}", self.rustc.verbose, self.library)
    }

    /// The target of the compiling machine, such as `x86_64-unknown-linux-gnu`.
    pub fn host(&self) -> &str {
        &self.rustc.host
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
        let linker = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";
        cargo
            .env(linker, format!("{CROSS}gcc"))
            .env("RUSTFLAGS", flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        cargo
    }
}

/// The name of the C compiler for the guest.
fn guest_gcc() -> String {
    let cross = if is_arm64() { "" } else { CROSS };
    format!("{cross}gcc")
}

fn bindgen_is_new_enough(bindgen: &Path) -> bool {
    output(Command::new(bindgen).arg("--version")).is_ok_and(|text| {
        let version = text.trim().strip_prefix("bindgen ");
        version.is_some_and(|version| is_at_least(version, &BINDGEN_MIN))
    })
}

/// Whether a version such as `1.95.0-nightly` is at least `min`; ignores a pre-release suffix.
fn is_at_least(version: &str, min: &Version) -> bool {
    Version::parse(version).is_ok_and(|mut version| {
        version.pre = semver::Prerelease::EMPTY;
        version >= *min
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pre_releases_count_as_the_release() {
        assert!(is_at_least("1.95.0", &RUSTC_MIN) && is_at_least("1.85.0-nightly", &RUSTC_MIN));
        assert!(!is_at_least("1.84.1", &RUSTC_MIN) && !is_at_least("unknown", &RUSTC_MIN));
    }
}
