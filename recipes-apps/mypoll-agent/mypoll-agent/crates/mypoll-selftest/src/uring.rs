// SPDX-License-Identifier: MIT OR Apache-2.0

//! An io_uring that handles one request or completion at a time.

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use io_uring::types::{BufRingEntry, Fd};
use io_uring::{IoUring, cqueue, squeue};
use nix::libc;

use crate::handle::Handle;
use crate::runner::skip;

/// A ring.
pub(crate) struct Uring(IoUring);

/// The completion of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    /// The request's own number.
    pub(crate) user_data: u64,
    /// The result of the system call; an errno is negative.
    pub(crate) result: i32,
    /// Whether more completions of the request follow.
    pub(crate) more: bool,
    /// The provided buffer with the data.
    pub(crate) buffer: Option<u16>,
}

/// A device's descriptor in the form for requests.
pub(crate) fn fd(handle: &Handle) -> Fd {
    Fd(handle.as_fd().as_raw_fd())
}

impl Uring {
    /// Creates a ring; skips the test if the kernel does not support it.
    pub(crate) fn new() -> Result<Self> {
        match IoUring::new(64) {
            Ok(ring) => Ok(Self(ring)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                skip!("no io_uring here: {error}")
            }
            Err(error) => Err(error).context("io_uring_setup"),
        }
    }

    /// Submits a request.
    ///
    /// # Safety
    ///
    /// The memory that it points to must stay valid until its last completion.
    pub(crate) unsafe fn submit(&mut self, request: squeue::Entry) -> Result<()> {
        // SAFETY: By this function's requirements.
        unsafe { self.0.submission().push(&request) }.context("the submission queue is full")?;
        let taken = self.0.submit().context("io_uring_enter")?;
        anyhow::ensure!(
            taken == 1,
            "io_uring_enter took {taken} requests, expected 1"
        );
        Ok(())
    }

    /// Waits for a completion.
    pub(crate) fn wait(&mut self) -> Result<Completion> {
        loop {
            if let Some(completion) = self.look() {
                return Ok(completion);
            }
            match self.0.submit_and_wait(1) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(error).context("io_uring_enter");
                }
                _ => {}
            }
        }
    }

    /// An available completion.
    pub(crate) fn look(&mut self) -> Option<Completion> {
        let entry = self.0.completion().next()?;
        Some(Completion {
            user_data: entry.user_data(),
            result: entry.result(),
            more: cqueue::more(entry.flags()),
            buffer: cqueue::buffer_select(entry.flags()),
        })
    }
}

/// Buffers from which the kernel takes one for each completion.
pub(crate) struct Buffers {
    ring: NonNull<BufRingEntry>,
    memory: Vec<u8>,
    count: u16,
    size: usize,
}

/// Enough for every page size.
const ALIGNMENT: usize = 1 << 16;

impl Buffers {
    /// Registers `count` buffers of `size` bytes, a power of two of them, as group 0. They live as
    /// long as the process.
    pub(crate) fn register(uring: &Uring, count: u16, size: usize) -> Result<Self> {
        let entries = usize::from(count);
        let layout = Layout::array::<BufRingEntry>(entries)?.align_to(ALIGNMENT)?;
        // SAFETY: The layout is not empty.
        let Some(ring) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout);
        };
        let mut buffers = Self {
            ring: ring.cast(),
            memory: vec![0; entries * size],
            count,
            size,
        };
        for number in 0..count {
            let address = &raw mut buffers.memory[usize::from(number) * size];
            // SAFETY: The ring has that many entries, and nothing else accesses them yet.
            let entry = unsafe { buffers.ring.add(number.into()).as_mut() };
            entry.set_addr(address as u64);
            entry.set_len(size.try_into()?);
            entry.set_bid(number);
        }
        // SAFETY: The memory is never freed.
        unsafe {
            let submitter = uring.0.submitter();
            submitter.register_buf_ring_with_flags(ring.as_ptr() as u64, count, 0, 0)
        }
        .context("IORING_REGISTER_PBUF_RING")?;
        // SAFETY: The tail is a word of the ring's first entry, and the kernel only reads it.
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(buffers.ring.as_ptr()).cast_mut()) };
        tail.store(count, Ordering::Release);
        Ok(buffers)
    }

    /// The data of a completion.
    pub(crate) fn get(&self, completion: &Completion) -> Result<&[u8]> {
        let number = completion.buffer.context("a completion without a buffer")?;
        anyhow::ensure!(number < self.count, "no buffer {number}");
        let length = usize::try_from(completion.result)?;
        let start = usize::from(number) * self.size;
        // The kernel wrote it before the completion, and does not write it again.
        Ok(&self.memory[start..start + length])
    }
}
