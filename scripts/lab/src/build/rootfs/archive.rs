// SPDX-License-Identifier: MIT OR Apache-2.0
//! A compressed cpio archive whose bytes depend on nothing but names, contents and permissions.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use cpio::NewcBuilder;
use cpio::newc::trailer;
use flate2::{Compression, GzBuilder};
use fs_err::{self as fs, File};
use walkdir::WalkDir;

/// What an archive holds, by path, without the leading slash.
#[derive(Debug, Default)]
pub(super) struct Archive(BTreeMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    /// Kind and permissions, as in `st_mode`.
    mode: u32,
    content: Vec<u8>,
    /// Major and minor number of a device.
    device: (u32, u32),
}

// Kinds in `st_mode` (inode(7)).
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const DEVICE: u32 = 0o020_000;
const LINK: u32 = 0o120_000;

impl Archive {
    /// Adds a folder and those above it.
    pub(super) fn folder(&mut self, path: &str) {
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            self.0.entry(path[..end].to_owned()).or_insert(Entry {
                mode: FOLDER | if &path[..end] == "tmp" { 0o1777 } else { 0o755 },
                content: Vec::new(),
                device: (0, 0),
            });
        }
    }

    /// Adds `/dev/console`, which the kernel opens for init before anything is mounted.
    pub(super) fn console(&mut self) {
        self.add("dev/console", DEVICE | 0o600, Vec::new(), (5, 1));
    }

    /// Adds a symbolic link, unless something of that name is there.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        if !self.has(path) {
            self.add(path, LINK | 0o777, target.as_bytes().to_vec(), (0, 0));
        }
    }

    /// Adds a file of this machine.
    pub(super) fn file(&mut self, from: &Path, path: &str) -> Result<()> {
        let executable = fs::metadata(from)?.permissions().mode() & 0o111 != 0;
        let permissions = if executable { 0o755 } else { 0o644 };
        self.add(path, FILE | permissions, fs::read(from)?, (0, 0));
        Ok(())
    }

    /// Adds everything below a folder of this machine.
    pub(super) fn tree(&mut self, from: &Path, below: &str) -> Result<()> {
        for entry in WalkDir::new(from).min_depth(1) {
            let entry = entry?;
            let name = entry
                .path()
                .strip_prefix(from)
                .expect("an entry lies below its root");
            let path = Path::new(below).join(name);
            let path = path
                .to_str()
                .with_context(|| format!("{} is not UTF-8", path.display()))?;
            if entry.file_type().is_dir() {
                self.folder(path);
            } else if entry.file_type().is_symlink() {
                self.link(path, &fs::read_link(entry.path())?.to_string_lossy());
            } else {
                self.file(entry.path(), path)?;
            }
        }
        Ok(())
    }

    /// Whether something of that name is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Writes it, compressed.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        Ok(self.write_to(BufWriter::new(File::create(path)?))?)
    }

    fn write_to(&self, out: impl Write) -> io::Result<()> {
        let mut out = GzBuilder::new().mtime(0).write(out, Compression::fast());
        for (inode, (path, entry)) in (1..).zip(&self.0) {
            let size = entry
                .content
                .len()
                .try_into()
                .map_err(|_| io::Error::other("a file exceeds cpio's 4 GB"))?;
            let mut file = NewcBuilder::new(path)
                .ino(inode)
                .nlink(1)
                .mode(entry.mode)
                .rdev_major(entry.device.0)
                .rdev_minor(entry.device.1)
                .write(&mut out, size);
            file.write_all(&entry.content)?;
            file.finish()?;
        }
        trailer(out)?.finish()?.flush()
    }

    fn add(&mut self, path: &str, mode: u32, content: Vec<u8>, device: (u32, u32)) {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
        self.0.insert(
            path.to_owned(),
            Entry {
                mode,
                content,
                device,
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use cpio::NewcReader;
    use flate2::read::GzDecoder;

    use super::*;

    fn bytes(archive: &Archive) -> Vec<u8> {
        let mut bytes = Vec::new();
        archive.write_to(&mut bytes).unwrap();
        bytes
    }

    /// Path, mode and content of every entry, as another reader sees them.
    fn entries(archive: &Archive) -> Vec<(String, u32, String)> {
        let bytes = bytes(archive);
        let mut input: Box<dyn Read> = Box::new(GzDecoder::new(&bytes[..]));
        let mut entries = Vec::new();
        loop {
            let mut reader = NewcReader::new(input).unwrap();
            if reader.entry().is_trailer() {
                return entries;
            }
            let (path, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
            let mut content = String::new();
            reader.read_to_string(&mut content).unwrap();
            entries.push((path, mode, content));
            input = reader.finish().unwrap();
        }
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let mut archive = Archive::default();
        archive.console();
        archive.link("usr/bin/vi", "/bin/busybox");
        archive.folder("tmp");
        let expected = [
            ("dev", 0o040_755, ""),
            ("dev/console", 0o020_600, ""),
            ("tmp", 0o041_777, ""),
            ("usr", 0o040_755, ""),
            ("usr/bin", 0o040_755, ""),
            ("usr/bin/vi", 0o120_777, "/bin/busybox"),
        ];
        assert_eq!(
            entries(&archive),
            expected.map(|(path, mode, content)| (path.to_owned(), mode, content.to_owned()))
        );
    }

    #[test]
    fn a_link_does_not_replace_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("init"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(
            dir.path().join("init"),
            std::fs::Permissions::from_mode(0o700),
        )
        .unwrap();
        let mut archive = Archive::default();
        archive.tree(dir.path(), "").unwrap();
        archive.link("init", "/bin/busybox");
        assert_eq!(
            entries(&archive),
            [("init".to_owned(), 0o100_755, "#!/bin/sh\n".to_owned())]
        );
    }

    #[test]
    fn times_and_owners_do_not_count() {
        let archive = || {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("a"), "a").unwrap();
            let mut archive = Archive::default();
            archive.tree(dir.path(), "etc").unwrap();
            bytes(&archive)
        };
        assert_eq!(archive(), archive());
    }
}
