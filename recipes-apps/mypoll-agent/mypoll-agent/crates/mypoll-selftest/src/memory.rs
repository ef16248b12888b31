// SPDX-License-Identifier: MIT OR Apache-2.0

//! Inaccessible memory, as buffers for system calls.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect};
use nix::unistd::{SysconfVar, sysconf};

use crate::handle::Handle;

/// Two adjacent pages, of which the second is inaccessible.
pub(crate) struct GuardedPage {
    page: NonNull<c_void>,
    size: usize,
}

impl GuardedPage {
    /// Maps the pages for the lifetime of the process; the first one is readable and writable.
    pub(crate) fn new() -> Result<Self> {
        let size = sysconf(SysconfVar::PAGE_SIZE)?.context("no page size")?;
        let size = usize::try_from(size)?;
        // SAFETY: a new anonymous mapping, at an address that the kernel chooses, overlaps nothing.
        let page = unsafe {
            mmap_anonymous(
                None,
                NonZeroUsize::new(2 * size).context("page size 0")?,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_PRIVATE,
            )
        }
        .context("mmap")?;
        let guarded = Self { page, size };
        guarded.protect(guarded.first_end(0), ProtFlags::PROT_NONE)?;
        Ok(guarded)
    }

    /// Writes `bytes` to the end of the first page; returns their address.
    pub(crate) fn fill_end(&self, bytes: &[u8]) -> *mut c_void {
        let start = self.first_end(bytes.len());
        // SAFETY: `start` to the end of the first page is writable, and `bytes.len()` bytes long.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.cast(), bytes.len()) };
        start
    }

    /// The last `length` bytes of the first page.
    pub(crate) fn end(&self, length: usize) -> Vec<u8> {
        // SAFETY: they are readable, and nothing else refers to them.
        unsafe { std::slice::from_raw_parts(self.first_end(length).cast(), length) }.to_vec()
    }

    /// The address `before` bytes before the inaccessible page.
    pub(crate) fn first_end(&self, before: usize) -> *mut c_void {
        assert!(before <= self.size, "{before} bytes are more than a page");
        // SAFETY: it is within the mapping, as `before` is at most a page.
        unsafe { self.page.byte_add(self.size - before) }.as_ptr()
    }

    /// Makes the first page readable only.
    pub(crate) fn make_read_only(&self) -> Result<()> {
        self.protect(self.first_end(self.size), ProtFlags::PROT_READ)
    }

    fn protect(&self, page: *mut c_void, protection: ProtFlags) -> Result<()> {
        let page = NonNull::new(page).context("the mapping is at 0")?;
        // SAFETY: `page` is one of the two pages of the mapping, to which no reference is held.
        unsafe { mprotect(page, self.size, protection) }.context("mprotect")
    }
}

impl Handle {
    /// One read(2) to an address that may be invalid.
    pub(crate) fn read_to(&self, address: *mut c_void, length: usize) -> nix::Result<usize> {
        // SAFETY: the kernel checks the address; the tests give it one of a [`GuardedPage`], or one
        // that nothing is mapped at.
        let read = unsafe { libc::read(self.as_fd().as_raw_fd(), address, length) };
        Errno::result(read).map(isize::unsigned_abs)
    }

    /// One write(2) from an address that may be invalid.
    pub(crate) fn write_from(&self, address: *const c_void, length: usize) -> nix::Result<usize> {
        // SAFETY: write(2) only reads from the address, which the kernel checks.
        let written = unsafe { libc::write(self.as_fd().as_raw_fd(), address, length) };
        Errno::result(written).map(isize::unsigned_abs)
    }
}
