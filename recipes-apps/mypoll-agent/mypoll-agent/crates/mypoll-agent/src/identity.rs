// SPDX-License-Identifier: MIT OR Apache-2.0
//! The identity of this machine and this boot.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fmt, fs};

/// The identity in events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The machine: stable across boots.
    pub machine: String,
    /// The kernel's identifier of this boot.
    pub boot: String,
}

/// A numbering of events: one journal, from its first event on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 8]);

impl Identity {
    /// This machine's, or that of the machine that the configuration names.
    pub fn of_this_machine(name: Option<&str>) -> Self {
        let machine = name.map_or_else(|| machine(Path::new("/")), str::to_owned);
        Self {
            machine,
            boot: line_of(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default(),
        }
    }
}

/// A hash of machine-id(5), which is confidential. Without a permanent one, the host name.
fn machine(root: &Path) -> String {
    let path = root.join("etc/machine-id");
    // systemd mounts this one over an empty file on a read-only root file system. It is new at each boot.
    let is_transient = is_same_file(&path, &root.join("run/machine-id"));
    match line_of(&path) {
        Some(id) if id.len() == 32 && !is_transient => {
            use sha2::{Digest as _, Sha256};
            let hash = Sha256::new()
                .chain_update(b"mypoll-agent")
                .chain_update(id)
                .finalize();
            hash.iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        }
        _ => line_of(&root.join("proc/sys/kernel/hostname")).unwrap_or_default(),
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let inode = |path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((inode(one), inode(other)), (Ok(one), Ok(other)) if one == other)
}

fn line_of(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl SessionId {
    /// A new random one.
    pub fn random() -> Self {
        let mut bytes = [0; 8];
        let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
        if read.is_err() {
            // Without /dev: at least differs at each start.
            bytes = crate::clock::monotonic_ns().to_be_bytes();
        }
        Self(bytes)
    }

    /// Parses its sixteen hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits
            .then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(|id| Self(id.to_be_bytes()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef\n";

    /// A root file system with a host name and these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [&[("proc/sys/kernel/hostname", "board\n")], files].concat() {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_permanent_machine_id_is_hashed() {
        let machine = machine(root(&[("etc/machine-id", ID), ("run/machine-id", ID)]).path());
        assert_eq!(machine.len(), 32);
        assert_ne!(machine, ID.trim());
    }

    #[test]
    fn the_host_name_replaces_a_machine_id_of_this_boot() {
        let root = root(&[("run/machine-id", ID), ("etc/hostname", "board\n")]);
        fs::hard_link(
            root.path().join("run/machine-id"),
            root.path().join("etc/machine-id"),
        )
        .unwrap();
        assert_eq!(machine(root.path()), "board");
    }

    #[test]
    fn the_host_name_replaces_a_missing_machine_id() {
        for files in [
            &[][..],
            &[("etc/machine-id", "")],
            &[("etc/machine-id", "uninitialized\n")],
        ] {
            assert_eq!(machine(root(files).path()), "board", "{files:?}");
        }
    }
}
