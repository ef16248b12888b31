// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cache keys: hashes of a result's inputs.

use std::fmt::{self, Display};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// The hash of all inputs of a result. Results with the same key are identical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Collects the inputs of a result.
#[derive(Clone, Debug)]
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// Starts a key. `recipe` has to change whenever the code produces another result from the same inputs.
    pub fn new(recipe: &str) -> Self {
        Self(Sha256::new()).bytes(recipe.as_bytes())
    }

    /// Adds a text, such as a version, a parameter or the key of another result.
    pub fn text(self, text: impl Display) -> Self {
        self.bytes(text.to_string().as_bytes())
    }

    /// Adds a folder: names, contents and whether files are executable. Ignores times and cargo's `target` folders.
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

    /// The key of everything added so far; the order matters.
    pub fn finish(self) -> Key {
        // 128 bits: enough to be unique, short enough for a path.
        Key(hex(&self.0.finalize()[..16]))
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        // The length prefix keeps different sequences of parts from having the same bytes.
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
    fn adjacent_parts_are_separated() {
        let one = KeyBuilder::new("test").text("ab").text("c").finish();
        let other = KeyBuilder::new("test").text("a").text("bc").finish();
        assert_ne!(one, other);
        assert_eq!(one, KeyBuilder::new("test").text("ab").text("c").finish());
    }

    #[test]
    fn names_contents_and_modes_change_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.rs");
        fs::write(&file, "one").unwrap();
        let first = key_of(dir.path());
        let set_mode = |mode| fs::set_permissions(&file, std::fs::Permissions::from_mode(mode));

        fs::write(&file, "two").unwrap();
        assert_ne!(first, key_of(dir.path()));
        fs::write(&file, "one").unwrap();
        // Times and cargo's outputs are ignored.
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
