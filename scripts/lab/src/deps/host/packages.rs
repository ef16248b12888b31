// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages a build needs, by their names in Debian 12, Debian 13 and Ubuntu 24.04.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{find_tool, is_arm64, llvm_folder, output};

/// The oldest LLVM that builds Linux 6.18 for arm64 with Rust (Documentation/process/changes.rst).
pub const LLVM_MIN: u32 = 15;

/// What has to be there, and the package it comes in.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A program; the package is wanted only when no program of that name is in PATH.
    Tool {
        /// The program's name.
        name: &'static str,
        /// The package it comes in.
        package: &'static str,
        /// Whether an arm64 machine has it without that package.
        cross: bool,
    },
    /// Headers or data, known by their package alone.
    Package {
        /// The package.
        package: &'static str,
        /// Whether an arm64 machine needs no such package.
        cross: bool,
    },
}

/// A program that every machine needs.
pub(crate) const fn tool(name: &'static str, package: &'static str) -> Need {
    Need::Tool {
        name,
        package,
        cross: false,
    }
}

/// Headers or data that every machine needs.
pub(crate) const fn package(package: &'static str) -> Need {
    Need::Package {
        package,
        cross: false,
    }
}

/// All that the lab's own builds need, but for LLVM.
pub const NEEDS: &[Need] = &[
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
    Need::Tool {
        name: "aarch64-linux-gnu-gcc",
        package: "gcc-aarch64-linux-gnu",
        cross: true,
    },
    package("ca-certificates"),
    package("libc6-dev"),
    package("libelf-dev"),
    package("libssl-dev"),
    Need::Package {
        package: "libc6-dev-arm64-cross",
        cross: true,
    },
];

/// What the kernel's `LLVM=1` calls, on a distribution whose packages aren't known.
pub const LLVM_TOOLS: &[&str] = &[
    "clang",
    "ld.lld",
    "llvm-ar",
    "llvm-nm",
    "llvm-objcopy",
    "llvm-objdump",
    "llvm-readelf",
    "llvm-strip",
];

/// Which LLVM is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Llvm {
    /// Debian's or Ubuntu's packages of that version.
    Debian(u32),
    /// Whatever PATH has.
    Path,
}

impl Llvm {
    /// The folder to put first in PATH, if any.
    pub fn bin(self) -> Option<PathBuf> {
        match self {
            Llvm::Debian(version) => Some(llvm_folder(version).join("bin")),
            Llvm::Path => None,
        }
    }

    /// The folder of libclang, for bindgen, if it is not where the loader looks.
    pub fn lib(self) -> Option<PathBuf> {
        match self {
            Llvm::Debian(version) => Some(llvm_folder(version).join("lib")),
            Llvm::Path => None,
        }
    }
}

/// The packages of one LLVM.
pub fn llvm_packages(version: u32) -> [String; 4] {
    [
        format!("clang-{version}"),
        format!("lld-{version}"),
        format!("llvm-{version}"),
        format!("libclang-{version}-dev"),
    ]
}

/// The newest LLVM that is new enough and of which `packages` has all four.
pub fn newest_llvm(packages: &BTreeSet<String>) -> Option<u32> {
    packages
        .iter()
        .filter_map(|name| name.strip_prefix("clang-")?.parse().ok())
        .filter(|&version| version >= LLVM_MIN)
        .filter(|&version| {
            llvm_packages(version)
                .iter()
                .all(|name| packages.contains(name))
        })
        .max()
}

/// The packages of `needs` that are missing.
pub fn missing(needs: &[Need], installed: &BTreeSet<String>) -> Vec<&'static str> {
    let packages: BTreeSet<_> = needs
        .iter()
        .filter_map(|&need| match need {
            Need::Tool { cross: true, .. } | Need::Package { cross: true, .. } if is_arm64() => {
                None
            }
            Need::Tool { name, package, .. } => find_tool(name).is_none().then_some(package),
            Need::Package { package, .. } => (!installed.contains(package)).then_some(package),
        })
        .collect();
    packages.into_iter().collect()
}

/// The packages that are installed.
pub fn installed() -> Result<BTreeSet<String>> {
    let format = "--showformat=${db:Status-Abbrev} ${Package}\n";
    let list = output(Command::new("dpkg-query").args(["--show", format]))?;
    Ok(list
        .lines()
        .filter_map(|line| Some(line.strip_prefix("ii ")?.trim_start().to_owned()))
        .collect())
}

/// The packages that apt knows.
pub fn offered() -> Result<BTreeSet<String>> {
    Ok(output(Command::new("apt-cache").arg("pkgnames"))?
        .lines()
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn llvm(version: u32) -> BTreeSet<String> {
        llvm_packages(version).into_iter().collect()
    }

    #[test]
    fn the_newest_whole_llvm_is_taken() {
        // Debian 12: 14 is too old; of 20 only the compiler is there.
        let mut packages: BTreeSet<_> = [14, 16, 19].into_iter().flat_map(llvm).collect();
        packages.extend(set(&["clang-20", "clang-format-20", "clang-19-doc"]));
        assert_eq!(newest_llvm(&packages), Some(19));
    }

    #[test]
    fn an_old_llvm_does_not_do() {
        assert_eq!(newest_llvm(&llvm(14)), None);
        assert_eq!(newest_llvm(&set(&["clang", "lld"])), None);
    }

    #[test]
    fn packages_without_a_program_go_by_dpkg() {
        assert!(missing(NEEDS, &set(&[])).contains(&"libelf-dev"));
        assert!(!missing(NEEDS, &set(&["libelf-dev"])).contains(&"libelf-dev"));
    }
}
