// SPDX-License-Identifier: MIT OR Apache-2.0
//! This machine: which of the distribution's packages a build needs, and getting them.

pub mod packages;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::store::step::{Log, Task, children};
use crate::{Paths, Progress};
use packages::{Llvm, Need};

/// Where a program is: in PATH, or where the administrator's programs are, which a user's PATH may lack.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(OsString::from(":/usr/sbin:/sbin"));
    which::which_in(name, Some(path), "/").ok()
}

/// What a command prints, where it is looked at and not logged.
pub fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = children::output(command).with_context(|| format!("can't run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed: {}",
        output.stderr.trim()
    );
    Ok(output.stdout)
}

/// Whether a command can be run and succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// Makes sure that all that a build needs is there, and says which LLVM is to be used.
///
/// # Errors
/// When something is missing and can't or must not be installed: the message names it.
pub fn prepare(paths: &Paths, progress: &Progress) -> Result<Llvm> {
    if !has_apt() {
        return without_apt();
    }
    let installed = packages::installed()?;
    let missing = packages::missing(packages::NEEDS, &installed);
    let llvm = packages::newest_llvm(&installed);
    if let (true, Some(llvm)) = (missing.is_empty(), llvm) {
        return Ok(Llvm::Debian(llvm));
    }
    let wanted = |offered: Option<u32>| {
        let mut packages: Vec<String> = missing.iter().map(|&package| package.to_owned()).collect();
        if llvm.is_none() {
            let version = offered.unwrap_or(packages::LLVM_MIN);
            packages.extend(packages::llvm_packages(version));
        }
        packages
    };
    ask(
        progress,
        &wanted(packages::newest_llvm(&packages::offered()?)),
    )?;
    install_packages(paths, progress, |offered| {
        let newest = packages::newest_llvm(offered);
        ensure!(
            llvm.or(newest).is_some(),
            "apt has no clang-NN with NN >= {}, which the kernel needs",
            packages::LLVM_MIN
        );
        Ok(wanted(newest))
    })?;
    let installed = packages::installed()?;
    ensure_none_missing(packages::NEEDS, &installed)?;
    packages::newest_llvm(&installed)
        .map(Llvm::Debian)
        .context("apt installed clang, and it is not there")
}

/// Makes sure that `needs` are there.
///
/// # Errors
/// As [`prepare`].
pub fn provide(paths: &Paths, progress: &Progress, needs: &[Need]) -> Result<()> {
    if !has_apt() {
        let missing = missing_tools(needs);
        ensure!(
            missing.is_empty(),
            "these programs are missing: {}",
            missing.join(" ")
        );
        return Ok(());
    }
    let missing = packages::missing(needs, &packages::installed()?);
    if missing.is_empty() {
        return Ok(());
    }
    let wanted: Vec<String> = missing.iter().map(|&package| package.to_owned()).collect();
    ask(progress, &wanted)?;
    install_packages(paths, progress, |_| Ok(wanted))?;
    ensure_none_missing(needs, &packages::installed()?)
}

fn has_apt() -> bool {
    find_tool("apt-get").is_some() && find_tool("dpkg-query").is_some()
}

fn ask(progress: &Progress, packages: &[String]) -> Result<()> {
    let packages = packages.join(" ");
    let root = match rustix::process::geteuid().is_root() {
        true => "",
        false => " with sudo",
    };
    if progress.allows(&format!(
        "Packages are missing: {packages}\nInstall them by apt-get{root}?"
    )) {
        return Ok(());
    }
    let remedy = match progress.may_install() {
        true => "--yes installs them; to do so",
        false => "to install them",
    };
    bail!(
        "packages are missing; {remedy} by hand:\n  sudo apt-get install --no-install-recommends {packages}"
    )
}

fn ensure_none_missing(needs: &[Need], installed: &BTreeSet<String>) -> Result<()> {
    let missing = packages::missing(needs, installed);
    ensure!(
        missing.is_empty(),
        "apt installed all it was asked for, still missing: {}",
        missing.join(" ")
    );
    Ok(())
}

/// Installs what `choose` takes of the packages that apt offers.
fn install_packages(
    paths: &Paths,
    progress: &Progress,
    choose: impl FnOnce(&BTreeSet<String>) -> Result<Vec<String>>,
) -> Result<()> {
    progress.say(
        "Packages of the distribution are missing: updating apt's lists, then installing them.",
    );
    become_root_once(progress)?;
    progress.step(paths, &Task::new("packages", "installing"), |log| {
        log.run(&mut apt_get(&["update"]))?;
        let packages = choose(&packages::offered()?)?;
        progress.say(&format!("Installing: {}", packages.join(" ")));
        install_with_apt(log, &packages)
    })
}

fn install_with_apt(log: &mut Log, packages: &[String]) -> Result<()> {
    let mut command = apt_get(&["install", "--yes", "--no-install-recommends"]);
    Ok(log.run(command.args(packages))?)
}

/// apt-get, by way of sudo when not root. It waits up to ten minutes for another package manager.
fn apt_get(args: &[&str]) -> Command {
    let words = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=600",
    ];
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(words[0])
    } else {
        let mut command = Command::new("sudo");
        command.arg(words[0]);
        command
    };
    command.args(&words[1..]).args(args);
    command
}

/// Lets sudo ask for the password now, on the terminal, where no progress bar hides its question.
fn become_root_once(progress: &Progress) -> Result<()> {
    if rustix::process::geteuid().is_root() || !io::stdin().is_terminal() {
        return Ok(());
    }
    progress.say("Installing packages needs root: sudo may ask for your password.");
    let status = Command::new("sudo")
        .arg("true")
        .status()
        .context("can't start sudo; run this as root")?;
    ensure!(
        status.success(),
        "sudo refused: run this as root, or install the packages by hand"
    );
    Ok(())
}

/// Another distribution: its package names aren't known here, the tools' names are.
fn without_apt() -> Result<Llvm> {
    let mut missing = missing_tools(packages::NEEDS);
    missing.extend(
        packages::LLVM_TOOLS
            .iter()
            .filter(|tool| find_tool(tool).is_none()),
    );
    ensure!(
        missing.is_empty(),
        "these programs are missing: {}\n  besides them the kernel needs the headers of libelf and OpenSSL, and libclang >= {}\n  (only Debian 12, 13 and Ubuntu 24.04 are set up by themselves)",
        missing.join(" "),
        packages::LLVM_MIN
    );
    Ok(Llvm::Path)
}

fn missing_tools(needs: &[Need]) -> Vec<&'static str> {
    needs
        .iter()
        .filter_map(|need| match need {
            Need::Tool { name, .. } => Some(*name),
            Need::Package { .. } => None,
        })
        .filter(|tool| find_tool(tool).is_none())
        .collect()
}

/// Whether this machine's own programs run on arm64.
pub fn is_arm64() -> bool {
    env::consts::ARCH == "aarch64"
}

/// The prefix of the cross tools for the guest's user space.
pub const CROSS: &str = "aarch64-linux-gnu-";

/// The folder where Debian keeps an LLVM.
pub fn llvm_folder(version: u32) -> PathBuf {
    Path::new("/usr/lib").join(format!("llvm-{version}"))
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
        assert_eq!(error.to_string(), "can't run no-such-program");
    }

    #[test]
    fn tools_are_found_by_name() {
        assert!(find_tool("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_tool("no-such-program"), None);
    }
}
