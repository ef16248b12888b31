// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of named cursors.

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::PathBuf};

use tracing::warn;

use super::{Directory, OpenError, sync_folder};
use crate::{file, identity::SessionId, percent};

/// The start of a file: its type, and the format version.
const HEAD: &str = "mypoll-cursor 1";

impl Directory {
    /// The last event that the reader `name` has processed; `None` if nothing is saved or the file is damaged.
    ///
    /// # Errors
    ///
    /// The file is unreadable.
    pub(in crate::journal) fn saved(
        &self,
        name: &str,
    ) -> Result<Option<(SessionId, u64)>, OpenError> {
        let path = self.cursor(name);
        let bytes = match file::open(&path).and_then(|file| file::rest(file, 1024)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OpenError::io("read", &path)(source)),
        };
        let place = parse(&bytes);
        if place.is_none() {
            warn!(
                "journal: {} is damaged: {name} starts over with the oldest event",
                path.display()
            );
        }
        Ok(place)
    }

    /// Whether a position of the reader `name` is saved, damaged or not.
    pub(in crate::journal) fn has_saved(&self, name: &str) -> bool {
        self.cursor(name).exists()
    }

    /// Saves durably that the reader `name` has processed this event. Blocks.
    ///
    /// # Errors
    ///
    /// It can't be written; the previous content stays.
    pub(in crate::journal) fn save(
        &self,
        name: &str,
        (session, event): (SessionId, u64),
    ) -> io::Result<()> {
        self.check()?;
        let path = self.cursor(name);
        let folder = self.path.join("cursors");
        match DirBuilder::new().mode(0o750).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
            Ok(()) => sync_folder(&self.path)?,
        }
        file::replace(&path, text(session, event).as_bytes())
    }

    /// Percent-encodes characters that are invalid or special in file names.
    fn cursor(&self, name: &str) -> PathBuf {
        let is_plain =
            |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        let file = percent::encode(name, is_plain);
        self.path.join("cursors").join(file)
    }
}

fn text(session: SessionId, event: u64) -> String {
    let text = format!("{HEAD} {session} {event}");
    let checksum = crc32fast::hash(text.as_bytes());
    format!("{text} {checksum:08x}\n")
}

fn parse(bytes: &[u8]) -> Option<(SessionId, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (place, _) = text
        .strip_prefix(HEAD)?
        .strip_prefix(' ')?
        .rsplit_once(' ')?;
    let (session, event) = place.split_once(' ')?;
    let place = (SessionId::parse(session)?, event.parse().ok()?);
    // The encoding is unique, and includes the checksum.
    (self::text(place.0, place.1) == text).then_some(place)
}
