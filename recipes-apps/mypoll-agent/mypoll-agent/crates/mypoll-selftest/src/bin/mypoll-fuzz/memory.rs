// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mappings of the device's memory. Each thread has its own, so that they stay mapped while they are accessed. A forked
//! process that lacks them ends.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};

use mypoll::uapi::{self, OFF_EVENTS, OFF_RING};
use nix::libc::{self, c_int, c_void};

use crate::rng::Rng;
use crate::worker::Worker;

/// Maximum number per thread.
const MOST: usize = 12;
const PAGE: usize = 4096;

struct Mapping {
    address: NonNull<c_void>,
    length: usize,
    readable: bool,
    writable: bool,
}

impl Mapping {
    fn unmap(self) -> bool {
        // SAFETY: Only this thread uses the mapping.
        unsafe { libc::munmap(self.address.as_ptr(), self.length) == 0 }
    }

    /// A word of it.
    fn word(&self, rng: &mut Rng) -> &AtomicU32 {
        let words = (self.length / 4) as u64;
        let index = if rng.one_in(3) {
            rng.below(words)
        } else {
            // Words of the structure: head, tail, mask, capacity.
            rng.pick(&[0, 0, 0, 16, 32, 33])
        };
        // SAFETY: It lies within the mapping, which lives as long as `self`.
        unsafe { AtomicU32::from_ptr(self.address.cast().add(index as usize).as_ptr()) }
    }
}

/// The mappings of a thread.
#[derive(Default)]
pub(crate) struct Mappings(Vec<Mapping>);

impl Mappings {
    /// An address in one of them, if there is any.
    pub(crate) fn any(&self, rng: &mut Rng) -> Option<*mut c_void> {
        let mapping = self.0.get(rng.below(MOST as u64) as usize)?;
        let offset = rng.pick(&[0, 0, 4, 32, 64, mapping.length - 8]);
        Some(mapping.address.as_ptr().wrapping_byte_add(offset))
    }

    fn one(&mut self, rng: &mut Rng) -> Option<usize> {
        let index = rng.below(MOST as u64) as usize;
        (index < self.0.len()).then_some(index)
    }
}

pub(crate) fn map(worker: &mut Worker) -> bool {
    let file = worker.file();
    let rng = &mut worker.rng;
    let protection = rng.pick(&[
        libc::PROT_READ | libc::PROT_WRITE,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::PROT_READ,
        libc::PROT_WRITE,
        libc::PROT_NONE,
        libc::PROT_READ | libc::PROT_EXEC,
    ]);
    let flags = rng.pick(&[
        libc::MAP_SHARED,
        libc::MAP_SHARED,
        libc::MAP_SHARED | libc::MAP_POPULATE,
        libc::MAP_PRIVATE,
        libc::MAP_SHARED | libc::MAP_LOCKED,
    ]);
    let (offset, length, protection) = match rng.below(8) {
        0 => (i64::from(rng.word()) & !0xfff, PAGE, protection),
        1 => (OFF_EVENTS as i64, PAGE << rng.below(10), libc::PROT_READ),
        2 => (OFF_EVENTS as i64, PAGE, protection),
        3 => (OFF_EVENTS as i64, PAGE, libc::PROT_READ),
        4 => (OFF_RING as i64, PAGE << rng.below(3), protection),
        _ => (OFF_RING as i64, PAGE, protection),
    };
    map_at(worker, file, offset, length, protection, flags)
}

/// Maps both parts of a file's ring.
pub(crate) fn map_ring(worker: &mut Worker, file: c_int) {
    let both = libc::PROT_READ | libc::PROT_WRITE;
    let shared = libc::MAP_SHARED;
    map_at(worker, file, OFF_RING as i64, PAGE, both, shared);
    map_at(
        worker,
        file,
        OFF_EVENTS as i64,
        PAGE,
        libc::PROT_READ,
        shared,
    );
}

fn map_at(
    worker: &mut Worker,
    file: c_int,
    offset: i64,
    length: usize,
    protection: c_int,
    flags: c_int,
) -> bool {
    // SAFETY: At an address that the kernel chooses, it overlaps nothing.
    let address = unsafe { libc::mmap(ptr::null_mut(), length, protection, flags, file, offset) };
    let Some(address) = NonNull::new(address).filter(|at| at.as_ptr() != libc::MAP_FAILED) else {
        return false;
    };
    let mappings = &mut worker.mappings.0;
    if mappings.len() == MOST {
        let index = worker.rng.below(MOST as u64) as usize;
        mappings.swap_remove(index).unmap();
    }
    mappings.push(Mapping {
        address,
        length,
        readable: protection & (libc::PROT_READ | libc::PROT_WRITE) != 0,
        writable: protection & libc::PROT_WRITE != 0,
    });
    true
}

pub(crate) fn unmap(worker: &mut Worker) -> bool {
    match worker.mappings.one(&mut worker.rng) {
        Some(index) => worker.mappings.0.swap_remove(index).unmap(),
        None => false,
    }
}

pub(crate) fn protect(worker: &mut Worker) -> bool {
    let Some(index) = worker.mappings.one(&mut worker.rng) else {
        return false;
    };
    let protection: c_int = worker.rng.pick(&[
        libc::PROT_READ | libc::PROT_WRITE,
        libc::PROT_READ,
        libc::PROT_NONE,
        libc::PROT_READ | libc::PROT_EXEC,
    ]);
    let mapping = &mut worker.mappings.0[index];
    // SAFETY: Only this thread uses the mapping, and it checks what it may access.
    let done = unsafe { libc::mprotect(mapping.address.as_ptr(), mapping.length, protection) == 0 };
    if done {
        mapping.readable = protection & libc::PROT_READ != 0;
        mapping.writable = protection & libc::PROT_WRITE != 0;
    }
    done
}

/// Changes the length of a mapping. One that is larger than the device's memory must not be accessed.
pub(crate) fn remap(worker: &mut Worker) -> bool {
    let Some(index) = worker.mappings.one(&mut worker.rng) else {
        return false;
    };
    let length = PAGE << worker.rng.below(4);
    let mapping = &mut worker.mappings.0[index];
    let flags = libc::MREMAP_MAYMOVE;
    // SAFETY: Only this thread uses the mapping.
    let moved = unsafe { libc::mremap(mapping.address.as_ptr(), mapping.length, length, flags) };
    let Some(moved) = NonNull::new(moved).filter(|at| at.as_ptr() != libc::MAP_FAILED) else {
        return false;
    };
    if length > mapping.length {
        mapping.readable = false;
        mapping.writable = false;
    }
    (mapping.address, mapping.length) = (moved, length);
    true
}

pub(crate) fn advise(worker: &mut Worker) -> bool {
    let Some(index) = worker.mappings.one(&mut worker.rng) else {
        return false;
    };
    // No advice that discards pages of a mapping that is accessed later.
    let advice = worker.rng.pick(&[
        libc::MADV_WILLNEED,
        libc::MADV_COLD,
        libc::MADV_PAGEOUT,
        libc::MADV_DOFORK,
        libc::MADV_DONTFORK,
        libc::MADV_MERGEABLE,
        libc::MADV_HUGEPAGE,
    ]);
    let mapping = &worker.mappings.0[index];
    // SAFETY: Only this thread uses the mapping, and its content is arbitrary.
    unsafe { libc::madvise(mapping.address.as_ptr(), mapping.length, advice) == 0 }
}

/// Stores garbage.
pub(crate) fn store(worker: &mut Worker) -> bool {
    let Some(index) = worker.mappings.one(&mut worker.rng) else {
        return false;
    };
    let mapping = &worker.mappings.0[index];
    if !mapping.writable {
        return false;
    }
    let rng = &mut worker.rng;
    for _ in 0..1 + rng.below(4) {
        let word = mapping.word(rng);
        let near = word.load(Ordering::Relaxed).wrapping_add(rng.word() % 64);
        let garbage = rng.word();
        let value = rng.pick(&[near, near, garbage]);
        word.store(value, Ordering::Release);
    }
    true
}

/// Takes events like a correct program.
pub(crate) fn take(worker: &mut Worker) -> bool {
    let Some(index) = worker.mappings.one(&mut worker.rng) else {
        return false;
    };
    let mapping = &worker.mappings.0[index];
    if !mapping.readable {
        return false;
    }
    let at = |offset| {
        // SAFETY: The structure is smaller than a page, and each mapping has at least one page.
        unsafe { AtomicU32::from_ptr(mapping.address.byte_add(offset).cast().as_ptr()) }
    };
    let tail = at(std::mem::offset_of!(uapi::Ring, tail)).load(Ordering::Acquire);
    if mapping.writable {
        at(std::mem::offset_of!(uapi::Ring, head)).store(tail, Ordering::Release);
    }
    true
}
