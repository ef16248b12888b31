// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reads and writes that must not sleep, by a flag of the call.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;

use crate::handle::Handle;

impl Handle {
    /// preadv2(2) with `RWF_NOWAIT`, at the current position.
    pub(crate) fn read_nowait(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        let vector = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        // SAFETY: The vector points to writable memory.
        let read =
            unsafe { libc::preadv2(self.as_fd().as_raw_fd(), &vector, 1, -1, libc::RWF_NOWAIT) };
        Errno::result(read).map(isize::unsigned_abs)
    }

    /// pwritev2(2) with `RWF_NOWAIT`, at the current position.
    pub(crate) fn write_nowait(&self, bytes: &[u8]) -> nix::Result<usize> {
        let vector = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        // SAFETY: The vector points to readable memory, and the call does not write.
        let written =
            unsafe { libc::pwritev2(self.as_fd().as_raw_fd(), &vector, 1, -1, libc::RWF_NOWAIT) };
        Errno::result(written).map(isize::unsigned_abs)
    }
}
