// SPDX-License-Identifier: MIT OR Apache-2.0

//! State shared by all processes of a run.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use anyhow::{Context, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::worker::OPERATIONS;

/// Maximum number of operations.
const COUNTS: usize = 64;

/// How often an operation was tried, and how often it succeeded.
#[derive(Default)]
struct Count {
    tried: AtomicU64,
    succeeded: AtomicU64,
}

/// The shared memory; initially all zeros.
pub(crate) struct Shared {
    stop: AtomicBool,
    /// Number of live forked processes.
    pub(crate) children: AtomicI32,
    counts: [Count; COUNTS],
}

impl Shared {
    /// Maps the memory for the lifetime of the process.
    pub(crate) fn map() -> Result<&'static Self> {
        const { assert!(OPERATIONS.len() <= COUNTS) };
        let size = NonZeroUsize::new(size_of::<Self>()).context("an empty structure")?;
        // SAFETY: A new mapping, at an address that the kernel chooses, overlaps nothing.
        let memory = unsafe {
            mmap_anonymous(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
            )
        }
        .context("mmap")?;
        // SAFETY: The mapping is that large, aligned to a page, never unmapped, and all of its bytes
        // are 0, which each of the atomics may be.
        Ok(unsafe { memory.cast::<Self>().as_ref() })
    }

    /// Makes all processes end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it is time to end.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Counts an operation before it runs, so that one that never ends is counted.
    pub(crate) fn tried(&self, operation: usize) {
        self.counts[operation].tried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an operation that succeeded.
    pub(crate) fn succeeded(&self, operation: usize) {
        self.counts[operation]
            .succeeded
            .fetch_add(1, Ordering::Relaxed);
    }

    /// Prints how often each operation ran.
    pub(crate) fn print(&self) {
        let mut all = 0;
        for (operation, count) in OPERATIONS.iter().zip(&self.counts) {
            let tried = count.tried.load(Ordering::Relaxed);
            let succeeded = count.succeeded.load(Ordering::Relaxed);
            println!(
                "{:<16} {tried:>9} tried {succeeded:>9} succeeded",
                operation.name
            );
            all += tried;
        }
        println!("{:<16} {all:>9} tried", "all");
    }
}
