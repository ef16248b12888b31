// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the Debian packages mypoll-agent and mypollctl with cargo-deb. `Cargo.toml` of each defines the contents.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use fs_err as fs;

use crate::deps::cargo_install::CargoInstall;
use crate::deps::host::{CROSS, Need, provide, tool};
use crate::deps::toolchain::{GUEST_TARGET, GuestRust};
use crate::store::cache::{Cache, Product};
use crate::store::key::KeyBuilder;
use crate::store::remove;
use crate::store::step::{Log, Task};

/// The packages, named like their crates.
const PACKAGES: [&str; 2] = ["mypoll-agent", "mypollctl"];

const CARGO_DEB: CargoInstall = CargoInstall {
    name: "cargo-deb",
    package: "cargo-deb",
    version: "3.8.0",
    // A debug build compiles faster. Without default features it compresses with the program xz.
    options: &["--debug", "--no-default-features"],
};

/// The version in the packages' `depends`: cargo-deb can't determine it for another architecture.
const LIBC: (u32, u32) = (2, 34);

/// Tools of the host.
const NEEDS: [Need; 4] = [
    tool("cc", "gcc"),
    tool("dpkg-shlibdeps", "dpkg-dev"),
    tool("xz", "xz-utils"),
    tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu").cross(),
];

/// The target architecture of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// 64-bit Arm, such as a Raspberry Pi with a 64-bit system.
    Arm64,
    /// 64-bit x86.
    Amd64,
}

impl Architecture {
    /// All architectures.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::Amd64];

    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => GUEST_TARGET,
            Self::Amd64 => "x86_64-unknown-linux-gnu",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Amd64 => "amd64",
        }
    }
}

/// The tools that build the packages.
#[derive(Debug)]
pub struct Tools {
    rust: GuestRust,
    cargo_deb: PathBuf,
}

impl Tools {
    /// Finds the tools and installs what is missing.
    pub fn prepare(cache: Cache<'_>) -> Result<Self> {
        provide(cache.paths, cache.progress, &NEEDS)?;
        let rust = GuestRust::prepare(cache)?;
        let cargo_deb = CARGO_DEB.ensure(cache, rust.host())?;
        Ok(Self { rust, cargo_deb })
    }

    /// Whether this machine can build for an architecture: any machine can for arm64.
    pub fn can_build(&self, architecture: Architecture) -> bool {
        architecture == Architecture::Arm64 || self.rust.host() == architecture.target()
    }

    /// Builds the packages for one architecture. Returns their folder.
    pub fn packages(&self, cache: Cache<'_>, architecture: Architecture) -> Result<PathBuf> {
        let repo = &cache.paths.repo;
        let recipe = repo.join("recipes-apps/mypoll-agent");
        let workspace = recipe.join("mypoll-agent");
        let key = KeyBuilder::new("deb")
            .text(self.rust.for_key())
            .text(self.cargo_deb.display())
            .text(architecture.target())
            .tree(&workspace)?
            .tree(&recipe.join("files"))?
            .tree(&repo.join("recipes-kernel/mypoll/mypoll/uapi"))?;
        let task = format!("deb-{}", architecture.name());
        let product = Product::new(Task::new(task, "building Debian packages"), key);
        let target = cache.paths.cache.join("target-guest");
        cache.ensure(&product, |result, log| {
            let built = target.join(architecture.target()).join("release");
            let work = tempfile::tempdir_in(result)?;
            self.build(architecture, &workspace, &target, work.path(), log)?;
            let manual = built.join("manual");
            remove(&manual)?;
            fs::rename(work.path().join("manual"), manual)?;
            check_libc(architecture, &built, log)?;
            for name in PACKAGES {
                let mut deb = Command::new(&self.cargo_deb);
                deb.args(["--no-build", "--locked", "--target", architecture.target()])
                    .args(["--package", name, "--output"])
                    .arg(result)
                    .current_dir(&workspace)
                    .env("CARGO_TARGET_DIR", &target)
                    // For reproducible packages.
                    .env("SOURCE_DATE_EPOCH", "0");
                log.run(&mut deb)?;
            }
            let count = debs(result)?.len();
            ensure!(count == PACKAGES.len(), "cargo-deb built {count} packages");
            Ok(())
        })
    }

    /// Builds the programs with the recipe's options for small size, and `manual` in `work`.
    fn build(
        &self,
        architecture: Architecture,
        workspace: &Path,
        target: &Path,
        work: &Path,
        log: &mut Log,
    ) -> Result<()> {
        let pages = work.join("manual");
        let mut cargo = self.rust.cargo_build(architecture.target(), "", target);
        cargo
            .args(PACKAGES.map(|name| format!("--package={name}")))
            .arg("--package=mypoll-manual")
            .current_dir(workspace)
            // The path is always new, so the build script runs again and writes the pages.
            .env("MYPOLL_MANUAL", &pages)
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "fat");
        log.run(&mut cargo)?;
        // cargo-deb does not compress files below target/release.
        let mut gzip = Command::new("gzip");
        gzip.args(["--recursive", "--best", "--no-name"]);
        log.run(gzip.arg(pages.join("man")))
    }
}

/// Checks that the programs need no newer C library than the packages declare.
fn check_libc(architecture: Architecture, built: &Path, log: &mut Log) -> Result<()> {
    let objdump = match architecture {
        Architecture::Arm64 => format!("{CROSS}objdump"),
        Architecture::Amd64 => "objdump".to_owned(),
    };
    let (major, minor) = LIBC;
    for name in PACKAGES {
        let mut dump = Command::new(&objdump);
        let symbols = log.output(dump.arg("--dynamic-syms").arg(built.join(name)))?;
        let newest = newest_libc(&symbols).context("objdump shows no glibc version")?;
        ensure!(
            newest <= LIBC,
            "{name} needs glibc {}.{}, but its package declares libc6 (>= {major}.{minor}): change its Cargo.toml, and LIBC in \
             scripts/lab/src/build/debs.rs",
            newest.0,
            newest.1
        );
    }
    Ok(())
}

/// The packages in a folder.
pub fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut debs: Vec<_> = entries.collect::<Result<_>>()?;
    debs.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    debs.sort();
    Ok(debs)
}

/// The newest glibc version among a program's symbols as printed by objdump.
fn newest_libc(symbols: &str) -> Option<(u32, u32)> {
    symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|rest| {
            let version = rest
                .split(|c: char| !c.is_ascii_digit() && c != '.')
                .next()?;
            let mut numbers = version.split('.').map_while(|number| number.parse().ok());
            numbers.next().zip(numbers.next())
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_versions_are_compared_as_numbers() {
        let symbols = "0000      DF *UND*\t0000 (GLIBC_2.9) recv\n\
                       0000      DF *UND*\t0000 (GLIBC_2.34) __libc_start_main\n\
                       0000  w   DF *UND*\t0000 (GLIBC_2.2.5) __cxa_finalize\n\
                       0000      DF *UND*\t0000 (GCC_4.2.0) _Unwind_Resume\n";
        assert_eq!(newest_libc(symbols), Some((2, 34)));
        assert_eq!(newest_libc("no program"), None);
    }

    #[test]
    fn the_crates_declare_the_same_libc() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../recipes-apps/mypoll-agent/mypoll-agent/crates");
        for name in PACKAGES {
            let manifest = fs::read_to_string(crates.join(name).join("Cargo.toml")).unwrap();
            let depends = format!("depends = \"libc6 (>= {}.{})", LIBC.0, LIBC.1);
            assert!(manifest.contains(&depends), "{name}: {depends}");
        }
    }
}
