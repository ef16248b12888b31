// SPDX-License-Identifier: MIT OR Apache-2.0

//! io_uring: requests that outlive their files and their ring.

use io_uring::opcode::{AsyncCancel, PollAdd, Read, Readv, Write};
use io_uring::types::Fd;
use io_uring::{IoUring, squeue};
use nix::libc;

use crate::worker::{BUFFER, Worker};

const ENTRIES: u32 = 32;

/// A thread's ring, created on first use.
#[derive(Default)]
pub(crate) struct Uring {
    ring: Option<IoUring>,
    /// Requests so far.
    requests: u64,
}

/// A vector of the thread's buffer. Like the buffer, it is never freed.
fn vector(worker: &mut Worker) -> *const libc::iovec {
    Box::leak(Box::new(libc::iovec {
        iov_base: worker.buffer.as_mut_ptr().cast(),
        iov_len: 96,
    }))
}

impl Uring {
    fn ring(&mut self) -> Option<&mut IoUring> {
        if self.ring.is_none() {
            self.ring = IoUring::new(ENTRIES).ok();
        }
        self.ring.as_mut()
    }

    /// Submits a request of any kind.
    pub(crate) fn submit_any(worker: &mut Worker) -> bool {
        let file = Fd(worker.file());
        let number = worker.uring.requests;
        let request = match worker.rng.below(12) {
            0 => {
                let back = 1 + worker.rng.below(16);
                AsyncCancel::new(number.saturating_sub(back)).build()
            }
            1..=3 => {
                let events = worker
                    .rng
                    .pick(&[libc::POLLIN, libc::POLLOUT, libc::POLLPRI]);
                let multi = worker.rng.one_in(2);
                PollAdd::new(file, events as u32).multi(multi).build()
            }
            4 | 5 => {
                let command = worker.rng.pick(&["trigger", "nonsense", "stop", "start 3"]);
                Write::new(file, command.as_ptr(), command.len() as u32)
                    .offset(u64::MAX)
                    .build()
            }
            6 if worker.rng.one_in(8) => {
                let vector = vector(worker);
                Readv::new(file, vector, 1).offset(u64::MAX).build()
            }
            _ => {
                let length = worker.rng.pick(&[31u32, 32, 96, 256, BUFFER as u32]);
                let address = worker.address(length as usize);
                let flags = worker.rng.pick(&[0, 0, libc::RWF_NOWAIT]);
                Read::new(file, address.cast(), length)
                    .offset(u64::MAX)
                    .rw_flags(flags)
                    .build()
            }
        };
        let flags = worker.rng.pick(&[
            squeue::Flags::empty(),
            squeue::Flags::empty(),
            squeue::Flags::empty(),
            squeue::Flags::ASYNC,
            squeue::Flags::IO_LINK,
        ]);
        worker.uring.requests += 1;
        let Some(ring) = worker.uring.ring() else {
            return false;
        };
        let request = request.flags(flags).user_data(number);
        // SAFETY: The buffers are never freed. The address of a removed mapping of the device is invalid for the
        // kernel, or belongs to another mapping of the device.
        if unsafe { ring.submission().push(&request) }.is_err() {
            return false;
        }
        ring.submit().is_ok()
    }

    /// Takes completions.
    pub(crate) fn reap(worker: &mut Worker) -> bool {
        let Some(ring) = worker.uring.ring() else {
            return false;
        };
        let _ = ring.submit();
        let taken = ring.completion().count();
        taken > 0
    }

    /// Ends the ring with its pending requests; the next request creates another one.
    pub(crate) fn renew(worker: &mut Worker) -> bool {
        worker.uring.ring.take().is_some()
    }
}
