// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packages that bitbake needs, in addition to those of the lab's own builds.

use crate::deps::host::{Need, package, tool};

/// Programs that bitbake requires (HOSTTOOLS in oe-core's bitbake.conf), and those that testimage, runqemu and the
/// tests of cards start.
const BITBAKE: &[Need] = &[
    tool("chrpath", "chrpath"),
    tool("diffstat", "diffstat"),
    tool("file", "file"),
    tool("g++", "g++"),
    tool("gawk", "gawk"),
    tool("git", "git"),
    tool("hostname", "hostname"),
    tool("ip", "iproute2"),
    tool("ping", "iputils-ping"),
    tool("ps", "procps"),
    tool("pzstd", "zstd"),
    tool("qemu-system-x86_64", "qemu-system-x86"),
    tool("rpcgen", "rpcsvc-proto"),
    tool("sfdisk", "fdisk"),
    tool("ssh", "openssh-client"),
    tool("strings", "binutils"),
    tool("unshare", "util-linux"),
    tool("wget", "wget"),
    tool("which", "debianutils"),
    // Bitbake uses en_US.UTF-8.
    package("locales-all"),
    tool("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu").cross(),
];

/// The tools that the profile kas/host-toolchain.yml requires.
const HOST_TOOLS: &str =
    include_str!("../../../../meta-host-toolchain/conf/distro/include/mypoll-host-tools.inc");

pub(super) fn needs() -> Vec<Need> {
    BITBAKE
        .iter()
        .copied()
        .chain(HOST_TOOLS.lines().filter_map(host_tool))
        .collect()
}

/// Parses a line of a list: `TOOL \`, `TOOL:PACKAGE \` or `PATH:PACKAGE \`. Ignores lines with variables (the
/// compilers, which [`BITBAKE`] contains).
fn host_tool(line: &'static str) -> Option<Need> {
    let entry = line.strip_prefix("    ")?.strip_suffix(" \\")?;
    if entry.contains(['$', ' ']) {
        return None;
    }
    Some(match entry.split_once(':') {
        None => tool(entry, entry),
        Some((file, name)) if file.starts_with('/') => package(name),
        Some((program, name)) => tool(program, name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_lists_are_parsed() {
        let needs = needs();
        for (tool, package) in [
            (Some("bc"), "bc"),
            (Some("depmod"), "kmod"),
            (None, "libdw-dev"),
            (Some("ping"), "iputils-ping"),
        ] {
            let mut found = needs.iter();
            let found = found.any(|need| need.tool == tool && need.package == package);
            assert!(found, "{package}: {needs:?}");
        }
        assert!(needs.iter().all(|need| !need.package.contains('$')));
    }

    #[test]
    fn the_documentation_lists_all_packages() {
        let page = include_str!("../../../../docs/host-toolchain.md");
        let (_, list) = page.split_once("sudo apt install ").unwrap();
        let (list, _) = list.split_once("\n\n").unwrap();
        let named: Vec<_> = list.split([' ', '\\', '\n']).collect();
        // Always installed on Debian.
        let essential = ["apt", "coreutils", "diffutils", "dpkg"];
        for need in HOST_TOOLS.lines().filter_map(host_tool) {
            let package = need.package;
            assert!(
                named.contains(&package) || essential.contains(&package),
                "{package}"
            );
        }
    }
}
