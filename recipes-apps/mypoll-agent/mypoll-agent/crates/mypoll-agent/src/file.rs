// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads and writes whole files.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Opens a file without waiting: opening a FIFO would wait for a writer.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Opens a regular file.
///
/// # Errors
///
/// It can't be opened, or is not a regular file: a FIFO would block.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = open_at_once(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// Reads the rest of a file, up to `longest` bytes.
///
/// # Errors
///
/// It is unreadable or longer.
pub(crate) fn rest(file: File, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        let problem = format!("longer than {longest} bytes");
        return Err(io::Error::other(problem));
    }
    Ok(bytes)
}

/// Replaces a file; returns when the new one is on disk. Blocks.
///
/// # Errors
///
/// It can't be written; the previous content stays.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&new, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Syncs a directory: makes created, renamed and deleted files durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_files_and_long_files_are_refused_without_blocking() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [&fifo, directory.path()] {
            let error = open(path).unwrap_err().to_string();
            assert_eq!(error, "not a regular file");
        }
        let error = open(&directory.path().join("none")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let long = directory.path().join("long");
        fs::write(&long, "four").unwrap();
        assert_eq!(rest(open(&long).unwrap(), 4).unwrap(), b"four");
        let error = rest(open(&long).unwrap(), 3).unwrap_err().to_string();
        assert_eq!(error, "longer than 3 bytes");
    }
}
