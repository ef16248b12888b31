// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian packages mypoll-agent and mypollctl, by cargo-deb. What is in them is said in their crates' `Cargo.toml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::deps::cargo_install::CargoInstall;
use crate::deps::host::packages::{Need, tool};
use crate::deps::host::{CROSS, provide};
use crate::deps::toolchain::{GUEST_TARGET, GuestRust};
use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};

/// The packages, which are called as their crates.
const PACKAGES: [&str; 2] = ["mypoll-agent", "mypollctl"];

const CARGO_DEB: CargoInstall = CargoInstall {
    name: "cargo-deb",
    package: "cargo-deb",
    version: "3.8.0",
    // A debug build compiles faster. Without its default features it compresses with the program xz.
    options: &["--debug", "--no-default-features"],
};

/// As in `depends` there: cargo-deb can't find it out for another architecture.
const LIBC: (u32, u32) = (2, 34);

/// On this machine.
const NEEDS: [Need; 4] = [
    tool("cc", "gcc"),
    tool("dpkg-shlibdeps", "dpkg-dev"),
    tool("xz", "xz-utils"),
    Need::Tool {
        name: "aarch64-linux-gnu-gcc",
        package: "gcc-aarch64-linux-gnu",
        cross: true,
    },
];

/// What packages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// 64-bit Arm, such as a Raspberry Pi with a 64-bit system.
    Arm64,
    /// 64-bit x86.
    Amd64,
}

impl Architecture {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::Amd64];

    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => GUEST_TARGET,
            Self::Amd64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// Whether this machine can build for it: for arm64 any can.
    pub fn can_be_built(self, rust: &GuestRust) -> Result<bool> {
        Ok(self == Self::Arm64 || rust.host()? == self.target())
    }

    fn task(self) -> Task {
        let says = "building Debian packages";
        match self {
            Self::Arm64 => Task::new("deb-arm64", says),
            Self::Amd64 => Task::new("deb-amd64", says),
        }
    }
}

/// What the packages are built with.
#[derive(Debug)]
pub struct Tools {
    rust: GuestRust,
    cargo_deb: PathBuf,
}

impl Tools {
    /// Finds them, and gets what is missing.
    pub fn prepare(cache: Cache<'_>) -> Result<Self> {
        provide(cache.paths, cache.progress, &NEEDS)?;
        let rust = GuestRust::prepare(cache)?;
        let cargo_deb = CARGO_DEB.ensure(cache, rust.host()?)?;
        Ok(Self { rust, cargo_deb })
    }

    /// cargo for them.
    pub fn rust(&self) -> &GuestRust {
        &self.rust
    }
}

/// The packages for one architecture. Its result has one file for each.
#[derive(Debug)]
pub struct Packages<'a> {
    architecture: Architecture,
    tools: &'a Tools,
    workspace: PathBuf,
    target: PathBuf,
    key: Key,
}

impl<'a> Packages<'a> {
    /// Reads the sources; nothing is built yet.
    pub fn new(cache: Cache<'_>, tools: &'a Tools, architecture: Architecture) -> Result<Self> {
        let recipe = cache.paths.repo.join("recipes-apps/mypoll-agent");
        let workspace = recipe.join("mypoll-agent");
        let key = KeyBuilder::new("deb")
            .text(tools.rust.for_key())
            .text(tools.cargo_deb.display())
            .text(architecture.target())
            .tree(&workspace)?
            .tree(&recipe.join("files"))?
            .tree(&cache.paths.repo.join("recipes-kernel/mypoll/mypoll/uapi"))?
            .finish();
        Ok(Self {
            architecture,
            tools,
            workspace,
            target: cache.paths.cache.join("target-guest"),
            key,
        })
    }

    /// Where cargo leaves the programs.
    fn built(&self) -> PathBuf {
        self.target.join(self.architecture.target()).join("release")
    }

    /// Builds the programs as small as the recipe does, and `manual` beside them.
    fn build(&self, work: &Path, log: &mut Log) -> Result<()> {
        let pages = work.join("manual");
        let target = self.architecture.target();
        let mut cargo = self.tools.rust.cargo_build(target, "", &self.target);
        cargo
            .args(PACKAGES.map(|name| format!("--package={name}")))
            .arg("--package=mypoll-manual")
            .current_dir(&self.workspace)
            // A new name each time, so that they are written.
            .env("MYPOLL_MANUAL", &pages)
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "fat");
        log.run(&mut cargo)?;
        // cargo-deb does not compress what is below target/release.
        log.run(
            Command::new("gzip")
                .args(["--recursive", "--best", "--no-name"])
                .arg(pages.join("man")),
        )?;
        let manual = self.built().join("manual");
        if manual.exists() {
            fs::remove_dir_all(&manual)
                .with_context(|| format!("can't remove {}", manual.display()))?;
        }
        fs::rename(&pages, &manual)
            .with_context(|| format!("can't move {} into place", pages.display()))
    }

    /// The programs need no newer C library than the packages say.
    fn check_libc(&self, log: &mut Log) -> Result<()> {
        let objdump = match self.architecture {
            Architecture::Arm64 => format!("{CROSS}objdump"),
            Architecture::Amd64 => "objdump".to_owned(),
        };
        for name in PACKAGES {
            let mut dump = Command::new(&objdump);
            let symbols = log.output(dump.arg("--dynamic-syms").arg(self.built().join(name)))?;
            let newest =
                newest_libc(&symbols).context("objdump names no version of the C library")?;
            if newest > LIBC {
                bail!(
                    "{name} needs glibc {}.{}, and its package says libc6 (>= {}.{}): change that in its Cargo.toml, and LIBC in \
                     scripts/lab/src/build/debs.rs",
                    newest.0,
                    newest.1,
                    LIBC.0,
                    LIBC.1
                );
            }
        }
        Ok(())
    }
}

impl Product for Packages<'_> {
    fn task(&self) -> Task {
        self.architecture.task()
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let work = tempfile::tempdir_in(result).context("can't create a temporary folder")?;
        self.build(work.path(), log)?;
        self.check_libc(log)?;
        for name in PACKAGES {
            let mut deb = Command::new(&self.tools.cargo_deb);
            deb.args([
                "--no-build",
                "--locked",
                "--target",
                self.architecture.target(),
            ])
            .args(["--package", name, "--output"])
            .arg(result)
            .current_dir(&self.workspace)
            .env("CARGO_TARGET_DIR", &self.target)
            // The same source gives the same packages.
            .env("SOURCE_DATE_EPOCH", "0");
            log.run(&mut deb)?;
        }
        let count = debs(result)?.len();
        ensure!(count == PACKAGES.len(), "cargo-deb made {count} packages");
        Ok(())
    }
}

/// The packages in a folder.
pub fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut debs = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            debs.push(path);
        }
    }
    debs.sort();
    Ok(debs)
}

/// The newest version of glibc in what objdump says of a program's symbols.
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
    fn the_newest_libc_is_found_by_number() {
        let symbols = "0000      DF *UND*\t0000 (GLIBC_2.9) recv\n\
                       0000      DF *UND*\t0000 (GLIBC_2.34) __libc_start_main\n\
                       0000  w   DF *UND*\t0000 (GLIBC_2.2.5) __cxa_finalize\n\
                       0000      DF *UND*\t0000 (GCC_4.2.0) _Unwind_Resume\n";
        assert_eq!(newest_libc(symbols), Some((2, 34)));
        assert_eq!(newest_libc("no program"), None);
    }

    #[test]
    fn the_crates_say_the_same() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../recipes-apps/mypoll-agent/mypoll-agent/crates");
        for name in PACKAGES {
            let manifest = fs::read_to_string(crates.join(name).join("Cargo.toml")).unwrap();
            let depends = format!("depends = \"libc6 (>= {}.{})", LIBC.0, LIBC.1);
            assert!(manifest.contains(&depends), "{name}: {depends}");
        }
    }
}
