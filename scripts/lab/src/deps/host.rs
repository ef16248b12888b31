// SPDX-License-Identifier: MIT OR Apache-2.0
//! This machine: which of the distribution's packages a build needs, by their names in Debian 12, Debian 13 and Ubuntu 24.04,
//! and getting them.

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

/// The oldest LLVM that builds Linux 6.18 for arm64 with Rust (Documentation/process/changes.rst).
const LLVM_MIN: u32 = 15;

/// The prefix of the cross tools for the guest's user space.
pub const CROSS: &str = "aarch64-linux-gnu-";

/// What has to be there, and the package it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// A program: the package is wanted only when no program of that name is in PATH. None for headers or data.
    pub tool: Option<&'static str>,
    /// The package.
    pub package: &'static str,
    /// Whether an arm64 machine does without.
    cross: bool,
}

impl Need {
    /// The same for machines that are no arm64.
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

/// All that the lab's own builds need, but for LLVM.
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

/// What the kernel's `LLVM=1` calls, on a distribution whose packages aren't known.
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

/// Which LLVM is used: that version of Debian's or Ubuntu's packages, or whatever PATH has.
#[derive(Clone, Copy, Debug)]
pub struct Llvm(Option<u32>);

impl Llvm {
    /// The folder to put first in PATH, if any.
    pub fn bin(self) -> Option<PathBuf> {
        self.folder("bin")
    }

    /// The folder of libclang, for bindgen, if it is not where the loader looks.
    pub fn lib(self) -> Option<PathBuf> {
        self.folder("lib")
    }

    fn folder(self, name: &str) -> Option<PathBuf> {
        let version = self.0?;
        Some(Path::new("/usr/lib").join(format!("llvm-{version}/{name}")))
    }
}

/// Where a program is: in PATH, or where the administrator's programs are, which a user's PATH may lack.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    which::which_in(name, Some(path), "/").ok()
}

/// Whether a command can be run and succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// Whether this machine's own programs run on arm64.
pub fn is_arm64() -> bool {
    env::consts::ARCH == "aarch64"
}

/// Makes sure that all that a build needs is there, and says which LLVM is to be used.
///
/// # Errors
/// When something is missing and can't or must not be installed: the message names it.
pub fn prepare(paths: &Paths, progress: &Progress) -> Result<Llvm> {
    if !has_apt() {
        let mut missing = missing_tools(NEEDS);
        missing.extend(LLVM_TOOLS.iter().filter(|tool| find_tool(tool).is_none()));
        ensure!(
            missing.is_empty(),
            "these programs are missing: {}\n  besides them the kernel needs the headers of libelf and OpenSSL, and libclang >= {LLVM_MIN}\n  (only Debian 12, 13 and Ubuntu 24.04 are set up by themselves)",
            missing.join(" ")
        );
        return Ok(Llvm(None));
    }
    install(paths, progress, |updated| {
        let installed = installed()?;
        let mut missing = missing(NEEDS, &installed);
        if newest_llvm(&installed).is_none() {
            let offered = newest_llvm(&offered()?);
            ensure!(
                offered.is_some() || !updated,
                "apt has no clang-NN with NN >= {LLVM_MIN}, which the kernel needs"
            );
            missing.extend(llvm_packages(offered.unwrap_or(LLVM_MIN)));
        }
        Ok(missing)
    })?;
    Ok(Llvm(newest_llvm(&installed()?)))
}

/// Makes sure that `needs` are there.
///
/// # Errors
/// As [`prepare`].
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

/// Another distribution's package names aren't known here, the tools' names are.
fn missing_tools(needs: &[Need]) -> Vec<&'static str> {
    let tools = needs.iter().filter_map(|need| need.tool);
    tools.filter(|tool| find_tool(tool).is_none()).collect()
}

/// Installs the packages that are `missing`, which is asked again when apt's lists are up to date, with true.
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
        "Packages are missing: {packages}\nInstall them by apt-get{sudo}?"
    )) {
        let remedy = match progress.may_install() {
            true => "--yes installs them; to do so",
            false => "to install them",
        };
        bail!(
            "packages are missing; {remedy} by hand:\n  sudo apt-get install --no-install-recommends {packages}"
        );
    }
    progress.say(
        "Packages of the distribution are missing: updating apt's lists, then installing them.",
    );
    if !root && io::stdin().is_terminal() {
        // Now, where no progress bar hides its question.
        progress.say("Installing packages needs root: sudo may ask for your password.");
        let status = Command::new("sudo").arg("true").status();
        ensure!(
            status
                .context("can't start sudo; run this as root")?
                .success(),
            "sudo refused: run this as root, or install the packages by hand"
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
        "apt installed all it was asked for, still missing: {missing}"
    );
    Ok(())
}

/// apt-get, by way of sudo when not root. It waits up to ten minutes for another package manager.
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

/// The packages of one LLVM.
fn llvm_packages(version: u32) -> [String; 4] {
    [
        format!("clang-{version}"),
        format!("lld-{version}"),
        format!("llvm-{version}"),
        format!("libclang-{version}-dev"),
    ]
}

/// The newest LLVM that is new enough and of which `packages` has all four.
fn newest_llvm(packages: &BTreeSet<String>) -> Option<u32> {
    let is_whole = |version| {
        let mut all = llvm_packages(version).into_iter();
        all.all(|name| packages.contains(&name))
    };
    packages
        .iter()
        .filter_map(|name| name.strip_prefix("clang-")?.parse().ok())
        .filter(|&version| version >= LLVM_MIN && is_whole(version))
        .max()
}

/// The packages of `needs` that are missing.
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

/// The packages that are installed.
fn installed() -> Result<BTreeSet<String>> {
    let format = "--showformat=${db:Status-Abbrev} ${Package}\n";
    let list = output(Command::new("dpkg-query").args(["--show", format]))?;
    Ok(list
        .lines()
        .filter_map(|line| Some(line.strip_prefix("ii ")?.trim_start().to_owned()))
        .collect())
}

/// The packages that apt knows.
fn offered() -> Result<BTreeSet<String>> {
    let names = output(Command::new("apt-cache").arg("pkgnames"))?;
    Ok(names.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_reported_with_what_it_said() {
        let error =
            output(Command::new("sh").args(["-c", "echo 'no database' >&2; exit 2"])).unwrap_err();
        assert_eq!(error.to_string(), "sh failed: no database");
        let error = output(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "can't start no-such-program");
    }

    #[test]
    fn the_newest_whole_llvm_is_taken() {
        // Debian 12: 14 is too old; of 20 only the compiler is there.
        let mut packages: BTreeSet<_> = [14, 16, 19].into_iter().flat_map(llvm_packages).collect();
        packages.extend(["clang-20", "clang-format-20", "clang-19-doc"].map(str::to_owned));
        assert_eq!(newest_llvm(&packages), Some(19));
        assert_eq!(newest_llvm(&llvm_packages(14).into()), None);
    }

    #[test]
    fn packages_without_a_program_go_by_dpkg() {
        let elf = "libelf-dev".to_owned();
        assert!(missing(NEEDS, &BTreeSet::new()).contains(&elf));
        assert!(!missing(NEEDS, &BTreeSet::from([elf.clone()])).contains(&elf));
    }
}
