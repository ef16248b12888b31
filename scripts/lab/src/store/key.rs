// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys: what a result depends on, as a hash.

use std::fmt::{self, Display};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// The hash of everything a result depends on. Two results with the same key are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Collects what a result depends on.
#[derive(Clone, Debug)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Starts a key. `recipe` changes whenever the code that makes the result does something else with the same input.
    pub fn new(recipe: &str) -> Self {
        Self(Sha256::new()).bytes(recipe.as_bytes())
    }

    /// Adds a text: a version, a parameter, the key of another result.
    pub fn text(self, text: impl Display) -> Self {
        self.bytes(text.to_string().as_bytes())
    }

    /// Adds a folder: names, contents, whether executable. Not the times, and not what cargo leaves in `target`.
    pub fn tree(mut self, dir: &Path) -> Result<Self> {
        let entries = WalkDir::new(dir)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.file_name() != "target");
        for entry in entries {
            let entry = entry?;
            let name = entry
                .path()
                .strip_prefix(dir)
                .expect("an entry lies below its root");
            if entry.file_type().is_file() {
                let mode = entry.metadata()?.permissions().mode() & 0o111;
                self = self
                    .text(name.display())
                    .text(mode != 0)
                    .file(entry.path())?;
            } else if entry.file_type().is_symlink() {
                self = self
                    .text(name.display())
                    .text(fs::read_link(entry.path())?.display());
            }
        }
        Ok(self)
    }

    /// Adds a file's contents.
    pub fn file(self, path: &Path) -> Result<Self> {
        Ok(self.bytes(&fs::read(path)?))
    }

    /// The key of all that was added, in the order in which it was.
    pub fn finish(self) -> Key {
        // 128 bits: enough to be unique, short enough for a path.
        Key(hex(&self.0.finalize()[..16]))
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        // With the length before it no two sequences of parts run together to the same bytes.
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(dir: &Path) -> Key {
        KeyBuilder::new("test").tree(dir).unwrap().finish()
    }

    #[test]
    fn parts_do_not_run_together() {
        let one = KeyBuilder::new("test").text("ab").text("c").finish();
        let other = KeyBuilder::new("test").text("a").text("bc").finish();
        assert_ne!(one, other);
        assert_eq!(one, KeyBuilder::new("test").text("ab").text("c").finish());
    }

    #[test]
    fn names_contents_and_modes_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.rs");
        fs::write(&file, "one").unwrap();
        let first = key_of(dir.path());
        let set_mode = |mode| fs::set_permissions(&file, std::fs::Permissions::from_mode(mode));

        fs::write(&file, "two").unwrap();
        assert_ne!(first, key_of(dir.path()));
        fs::write(&file, "one").unwrap();
        // Neither the time of a change nor what cargo leaves counts.
        fs::create_dir(dir.path().join("target")).unwrap();
        fs::write(dir.path().join("target/x"), "x").unwrap();
        assert_eq!(first, key_of(dir.path()));

        set_mode(0o755).unwrap();
        assert_ne!(first, key_of(dir.path()));
        set_mode(0o644).unwrap();
        fs::rename(&file, dir.path().join("b.rs")).unwrap();
        assert_ne!(first, key_of(dir.path()));
    }
}
