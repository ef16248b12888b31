// SPDX-License-Identifier: MIT OR Apache-2.0
//! Installs the distribution packages that builds need, with the names of Debian 12, Debian 13 and Ubuntu 24.04.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::geteuid;

use crate::store::step::Task;
pub use crate::store::step::children::output;
use crate::{Paths, Progress};

/// The oldest LLVM that can build Linux 6.18 for arm64 with Rust (Documentation/process/changes.rst).
const LLVM_MIN: u32 = 15;

/// The prefix of the cross tools for the guest's user space.
pub const CROSS: &str = "aarch64-linux-gnu-";

/// A prerequisite and its package.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The program: the package is needed only if PATH contains no program of this name. None for headers or data.
    pub tool: Option<&'static str>,
    /// The package.
    pub package: &'static str,
    /// Whether only machines other than arm64 need it.
    cross: bool,
}

impl Need {
    /// Marks a prerequisite of machines other than arm64.
    pub(crate) const fn cross(self) -> Self {
        Self {
            cross: true,
            ..self
        }
    }
}

/// A program.
pub(crate) const fn tool(name: &'static str, package: &'static str) -> Need {
    Need {
        tool: Some(name),
        package,
        cross: false,
    }
}

/// Headers or data.
pub(crate) const fn package(package: &'static str) -> Need {
    Need {
        tool: None,
        package,
        cross: false,
    }
}

/// Prerequisites of the lab's own builds, except LLVM.
const NEEDS: &[Need] = &[
    tool("bc", "bc"),
    tool("bison", "bison"),
    tool("bzip2", "bzip2"),
    tool("cpio", "cpio"),
    tool("curl", "curl"),
    tool("depmod", "kmod"),
    tool("dtc", "device-tree-compiler"),
    tool("fdtoverlay", "device-tree-compiler"),
    tool("flex", "flex"),
    tool("g++", "g++"),
    tool("gcc", "gcc"),
    tool("make", "make"),
    tool("patch", "patch"),
    tool("perl", "perl"),
    tool("python3", "python3"),
    tool("qemu-system-aarch64", "qemu-system-arm"),
    tool("tar", "tar"),
    tool("xz", "xz-utils"),
    tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu").cross(),
    package("ca-certificates"),
    package("libc6-dev"),
    package("libelf-dev"),
    package("libssl-dev"),
    package("libc6-dev-arm64-cross").cross(),
];

/// The programs that the kernel's `LLVM=1` uses, for distributions with unknown package names.
const LLVM_TOOLS: &[&str] = &[
    "clang",
    "ld.lld",
    "llvm-ar",
    "llvm-nm",
    "llvm-objcopy",
    "llvm-objdump",
    "llvm-readelf",
    "llvm-strip",
];

/// The LLVM to use: this version of Debian's or Ubuntu's packages, or the one in PATH.
#[derive(Clone, Copy, Debug)]
pub struct Llvm(Option<u32>);

impl Llvm {
    /// The folder to prepend to PATH, if any.
    pub fn bin(self) -> Option<PathBuf> {
        self.folder("bin")
    }

    /// The folder of libclang, for bindgen, if the loader does not search it.
    pub fn lib(self) -> Option<PathBuf> {
        self.folder("lib")
    }

    fn folder(self, name: &str) -> Option<PathBuf> {
        let version = self.0?;
        Some(Path::new("/usr/lib").join(format!("llvm-{version}/{name}")))
    }
}

/// Finds a program in PATH or in the sbin folders, which a user's PATH may lack.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    which::which_in(name, Some(path), "/").ok()
}

/// Whether a command starts and succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// Whether this program was built for arm64.
pub fn is_arm64() -> bool {
    env::consts::ARCH == "aarch64"
}

/// Makes sure that all prerequisites of a build are installed. Returns the LLVM to use.
///
/// # Errors
/// A prerequisite is missing and can't or must not be installed: the message names it.
pub fn prepare(paths: &Paths, progress: &Progress) -> Result<Llvm> {
    if !has_apt() {
        let mut missing = missing_tools(NEEDS);
        missing.extend(LLVM_TOOLS.iter().filter(|tool| find_tool(tool).is_none()));
        ensure!(
            missing.is_empty(),
            "these programs are missing: {}\n  the kernel also needs the headers of libelf and OpenSSL, and libclang >= {LLVM_MIN}\n  (packages are installed automatically only on Debian 12, 13 and Ubuntu 24.04)",
            missing.join(" ")
        );
        return Ok(Llvm(None));
    }
    install(paths, progress, |updated| {
        let installed = installed()?;
        let mut missing = missing(NEEDS, &installed);
        if newest_llvm(&installed).is_none() {
            let available = newest_llvm(&available()?);
            ensure!(
                available.is_some() || !updated,
                "apt has no clang-NN with NN >= {LLVM_MIN}, which the kernel needs"
            );
            missing.extend(llvm_packages(available.unwrap_or(LLVM_MIN)));
        }
        Ok(missing)
    })?;
    Ok(Llvm(newest_llvm(&installed()?)))
}

/// Makes sure that `needs` are installed.
///
/// # Errors
/// See [`prepare`].
pub fn provide(paths: &Paths, progress: &Progress, needs: &[Need]) -> Result<()> {
    if !has_apt() {
        let missing = missing_tools(needs).join(" ");
        ensure!(missing.is_empty(), "these programs are missing: {missing}");
        return Ok(());
    }
    install(paths, progress, |_| Ok(missing(needs, &installed()?)))
}

fn has_apt() -> bool {
    find_tool("apt-get").is_some() && find_tool("dpkg-query").is_some()
}

/// The missing programs, for distributions with unknown package names.
fn missing_tools(needs: &[Need]) -> Vec<&'static str> {
    let tools = needs.iter().filter_map(|need| need.tool);
    tools.filter(|tool| find_tool(tool).is_none()).collect()
}

/// Installs missing packages. `missing` returns their names; it is called with true once apt's lists are up to date.
fn install(
    paths: &Paths,
    progress: &Progress,
    missing: impl Fn(bool) -> Result<Vec<String>>,
) -> Result<()> {
    let packages = missing(false)?.join(" ");
    if packages.is_empty() {
        return Ok(());
    }
    let root = geteuid().is_root();
    let sudo = if root { "" } else { " with sudo" };
    if !progress.allows(&format!(
        "Packages are missing: {packages}\nInstall them with apt-get{sudo}?"
    )) {
        let hint = match progress.may_install() {
            true => "use --yes to install them, or",
            false => "to install them,",
        };
        bail!(
            "packages are missing; {hint} run:\n  sudo apt-get install --no-install-recommends {packages}"
        );
    }
    progress.say("Packages are missing: updating apt's lists, then installing them.");
    if !root && io::stdin().is_terminal() {
        // Ask before a progress bar hides the prompt.
        progress.say("Installing packages needs root: sudo may ask for your password.");
        let status = Command::new("sudo").arg("true").status();
        ensure!(
            status
                .context("can't start sudo; run this as root")?
                .success(),
            "sudo failed: run this as root, or install the packages manually"
        );
    }
    progress.step(paths, &Task::new("packages", "installing"), |log| {
        log.run(&mut apt_get(&["update"]))?;
        let packages = missing(true)?;
        progress.say(&format!("Installing: {}", packages.join(" ")));
        log.run(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages))
    })?;
    let missing = missing(true)?.join(" ");
    ensure!(
        missing.is_empty(),
        "still missing after apt's installation: {missing}"
    );
    Ok(())
}

/// apt-get, with sudo unless root. It waits up to ten minutes for another package manager.
fn apt_get(args: &[&str]) -> Command {
    let root = geteuid().is_root();
    let mut command = Command::new(if root { "env" } else { "sudo" });
    if !root {
        command.arg("env");
    }
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(["-o", "DPkg::Lock::Timeout=600"])
        .args(args);
    command
}

/// The packages of an LLVM version.
fn llvm_packages(version: u32) -> [String; 4] {
    [
        format!("clang-{version}"),
        format!("lld-{version}"),
        format!("llvm-{version}"),
        format!("libclang-{version}-dev"),
    ]
}

/// The newest sufficient LLVM of which `packages` contains all four packages.
fn newest_llvm(packages: &BTreeSet<String>) -> Option<u32> {
    let is_complete = |version| {
        let mut all = llvm_packages(version).into_iter();
        all.all(|name| packages.contains(&name))
    };
    packages
        .iter()
        .filter_map(|name| name.strip_prefix("clang-")?.parse().ok())
        .filter(|&version| version >= LLVM_MIN && is_complete(version))
        .max()
}

/// The missing packages of `needs`.
fn missing(needs: &[Need], installed: &BTreeSet<String>) -> Vec<String> {
    let is_missing = |need: &&Need| match need.tool {
        _ if need.cross && is_arm64() => false,
        Some(tool) => find_tool(tool).is_none(),
        None => !installed.contains(need.package),
    };
    let packages: BTreeSet<_> = needs
        .iter()
        .filter(is_missing)
        .map(|need| need.package)
        .collect();
    packages.into_iter().map(str::to_owned).collect()
}

/// The installed packages.
fn installed() -> Result<BTreeSet<String>> {
    let format = "--showformat=${db:Status-Abbrev} ${Package}\n";
    let list = output(Command::new("dpkg-query").args(["--show", format]))?;
    Ok(list
        .lines()
        .filter_map(|line| Some(line.strip_prefix("ii ")?.trim_start().to_owned()))
        .collect())
}

/// The packages that apt can install.
fn available() -> Result<BTreeSet<String>> {
    let names = output(Command::new("apt-cache").arg("pkgnames"))?;
    Ok(names.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_llvm_is_chosen() {
        // As on Debian 12: 14 is too old, and 20 has only the compiler.
        let mut packages: BTreeSet<_> = [14, 16, 19].into_iter().flat_map(llvm_packages).collect();
        packages.extend(["clang-20", "clang-format-20", "clang-19-doc"].map(str::to_owned));
        assert_eq!(newest_llvm(&packages), Some(19));
        assert_eq!(newest_llvm(&llvm_packages(14).into()), None);
    }

    #[test]
    fn packages_without_a_program_are_looked_up_with_dpkg() {
        let elf = "libelf-dev".to_owned();
        assert!(missing(NEEDS, &BTreeSet::new()).contains(&elf));
        assert!(!missing(NEEDS, &BTreeSet::from([elf.clone()])).contains(&elf));
    }
}
