// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that replace the mypoll driver in tests on a host.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::stat::Mode,
    unistd::mkfifo,
};
use tempfile::TempDir;

/// A FIFO that replaces the device, and a directory that replaces the one in sysfs.
///
/// The FIFO returns one line per read, blocks, polls and sends SIGIO as the device does. It cannot test commands, which it
/// would return as events.
pub struct FakeDriver {
    directory: TempDir,
    fifo: File,
}

impl FakeDriver {
    /// A driver with two lines and without events.
    ///
    /// # Panics
    ///
    /// The files can't be created.
    #[expect(clippy::new_without_default, reason = "it creates files")]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mypoll");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        // Also open for reading, so that opening does not wait for a reader.
        let fifo = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        // Packet mode: a read returns the data of one write (pipe(2)).
        fcntl(&fifo, FcntlArg::F_SETFL(OFlag::O_DIRECT)).unwrap();
        fs::write(
            directory.path().join("lines"),
            "line=0 label=button\nline=1 label=door\n",
        )
        .unwrap();
        Self { directory, fifo }
    }

    /// The device file.
    pub fn device(&self) -> PathBuf {
        self.directory.path().join("mypoll")
    }

    /// The directory with `lines`, and other files that a test adds.
    pub fn sysfs(&self) -> &Path {
        self.directory.path()
    }

    /// Queues a line of text; like the driver, the FIFO holds 16 lines.
    ///
    /// # Panics
    ///
    /// The FIFO does not take it.
    pub fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    /// Queues the data of one read, like [`FakeDriver::send`] a line.
    ///
    /// # Panics
    ///
    /// The FIFO does not take it.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.fifo.write_all(bytes).unwrap();
    }

    /// Queues a rising edge of line 1, like [`FakeDriver::send`], and returns its line of text.
    ///
    /// # Panics
    ///
    /// The FIFO does not take it.
    pub fn press(&mut self, sequence: u32) -> String {
        let line = format!(
            "event={sequence} source=gpio kind=rising line=1 value=1 lost=0 timestamp_ns={sequence}000"
        );
        self.send(&line);
        line
    }
}
