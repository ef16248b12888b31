// SPDX-License-Identifier: MIT OR Apache-2.0
//! The identity of this machine and this boot.

use std::{fmt, fs, io::Read as _};

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
        let machine = name.map_or_else(machine, str::to_owned);
        Self {
            machine,
            boot: line_of("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        }
    }
}

/// A hash of machine-id(5), which is confidential; without one, the host name.
fn machine() -> String {
    match line_of("/etc/machine-id") {
        Some(id) if id.len() == 32 => {
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
        _ => line_of("/proc/sys/kernel/hostname").unwrap_or_default(),
    }
}

fn line_of(path: &str) -> Option<String> {
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
