// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file with the totals: a JSON line and its checksum.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    file,
    identity::SessionId,
    journal::Counted,
    pulses::{Pulses, Saved},
};

/// Maximum size of the file in bytes: about 200,000 lines.
const LONGEST: u64 = 16 << 20;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Text {
    version: u32,
    session: String,
    event: u64,
    counters: Vec<Saved>,
}

/// The saved totals; `None` if nothing is saved or the file is damaged.
///
/// # Errors
///
/// Why it is unreadable.
pub(super) fn load(path: &Path) -> Result<Option<Counted>, String> {
    let bytes = match file::open(path).and_then(|file| file::rest(file, LONGEST)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let counted = parse(&bytes);
    if counted.is_none() {
        warn!(
            "counters: {} is damaged: counting the journal's events",
            path.display()
        );
    }
    Ok(counted)
}

/// Saves durably. Blocks.
///
/// # Errors
///
/// It can't be written; the previous content stays.
pub(super) fn save(path: &Path, counted: &Counted) -> io::Result<()> {
    let text = Text {
        version: VERSION,
        session: counted.session.to_string(),
        event: counted.event,
        counters: counted.pulses.to_saved(),
    };
    let mut bytes = serde_json::to_vec(&text)?;
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(format!("\n{checksum:08x}\n").as_bytes());
    file::replace(path, &bytes)
}

fn parse(bytes: &[u8]) -> Option<Counted> {
    let (json, checksum) = bytes.strip_suffix(b"\n")?.split_last_chunk::<8>()?;
    let json = json.strip_suffix(b"\n")?;
    if format!("{:08x}", crc32fast::hash(json)).as_bytes() != checksum {
        return None;
    }
    let text: Text = serde_json::from_slice(json).ok()?;
    Some(Counted {
        session: SessionId::parse(&text.session).filter(|_| text.version == VERSION)?,
        event: text.event,
        pulses: Pulses::from_saved(text.counters),
    })
}
