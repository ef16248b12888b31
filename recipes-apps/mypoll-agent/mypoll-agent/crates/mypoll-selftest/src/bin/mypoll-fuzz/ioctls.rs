// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's ioctls, with valid and invalid structures of all sizes.

use mypoll::ioctl;
use mypoll::uapi::{self, Config, LineSet};
use nix::libc::{self, c_int, c_void};

use crate::rng::Rng;
use crate::worker::Worker;

/// Calls ioctl(2).
fn call(file: c_int, request: u32, address: *mut c_void) -> bool {
    // SAFETY: The kernel checks the address, and accesses as many bytes as the number says, which is less than the size
    // of a buffer; the bytes there are unused.
    unsafe { libc::ioctl(file, request as _, address) >= 0 }
}

/// The number of an ioctl with a structure of another size.
fn with_size(request: u32, size: u32) -> u32 {
    request & !(0x3fff << 16) | (size & 0x3fff) << 16
}

fn size_of_number(request: u32) -> u32 {
    request >> 16 & 0x3fff
}

fn lines(rng: &mut Rng) -> LineSet {
    let mut lines = LineSet::default();
    match rng.below(8) {
        0 => lines = [(); 16].map(|()| rng.number()),
        1 => lines[0] = 1 << rng.below(8),
        2 => lines[15] = 1 << 63,
        _ => {}
    }
    lines
}

/// A valid configuration.
fn config(rng: &mut Rng) -> Config {
    let capacity = match rng.below(40) {
        0 => 0,
        1 => uapi::CAPACITY_MAX,
        2 => 1 + rng.below(20_000) as u32,
        _ => 1 + rng.below(64) as u32,
    };
    let room = if capacity == 0 { 4096 } else { capacity };
    Config {
        capacity,
        overflow: rng.below(2) as u32,
        clock: rng.below(3) as u32,
        sources: rng.pick(&[0, 0, 0, 1 << 1, 1 << 2, 1 << 3, 0b1110, 0b1010]),
        watermark_events: match rng.below(4) {
            0 => 1 + rng.below(room.into()) as u32,
            _ => 0,
        },
        watermark_us: rng.pick(&[0, 0, 1, 100, 1000, 20_000, uapi::WATERMARK_US_MAX]),
        flags: 0,
        kinds: match rng.below(3) {
            0 => (rng.below(64) as u32) << 1,
            _ => 0,
        },
        lines: lines(rng),
    }
}

/// The bytes of a configuration at the start of the thread's buffer, followed by zeros.
fn store(worker: &mut Worker, config: &Config) -> *mut c_void {
    worker.buffer[..1024].fill(0);
    // SAFETY: The buffer is larger than the structure, which has no padding.
    unsafe {
        worker
            .buffer
            .as_mut_ptr()
            .cast::<Config>()
            .write_unaligned(*config)
    };
    worker.buffer.as_mut_ptr().cast()
}

pub(crate) fn configure(worker: &mut Worker) -> bool {
    let file = worker.file();
    configure_file(worker, file)
}

/// Configures a file with a valid configuration.
pub(crate) fn configure_file(worker: &mut Worker, file: c_int) -> bool {
    let config = config(&mut worker.rng);
    let address = store(worker, &config);
    let size = size_of_number(ioctl::CONFIGURE) + worker.rng.pick(&[0, 0, 0, 0, 8, 100]);
    call(file, with_size(ioctl::CONFIGURE, size), address)
}

pub(crate) fn configure_wrong(worker: &mut Worker) -> bool {
    let file = worker.file();
    let mut config = config(&mut worker.rng);
    let word = worker.rng.word();
    match worker.rng.below(9) {
        0 => config.capacity = word,
        1 => config.overflow = word,
        2 => config.clock = word,
        3 => config.sources = word,
        4 => config.watermark_events = word,
        5 => config.watermark_us = word,
        6 => config.flags = word,
        7 => config.kinds = word,
        _ => {}
    }
    let mut address = store(worker, &config);
    if worker.rng.one_in(4) {
        let place = worker.rng.below(1024) as usize;
        worker.buffer[place] = worker.rng.number() as u8;
    }
    if worker.rng.one_in(8) {
        address = worker.address(1024);
    }
    let size = match worker.rng.below(4) {
        0 => size_of_number(ioctl::CONFIGURE),
        _ => worker.rng.below(400) as u32,
    };
    call(file, with_size(ioctl::CONFIGURE, size), address)
}

pub(crate) fn get(worker: &mut Worker) -> bool {
    let file = worker.file();
    let request = worker.rng.pick(&[
        ioctl::GET_STATS,
        ioctl::GET_INFO,
        ioctl::GET_LINE,
        ioctl::GET_LEVELS,
    ]);
    let size = match worker.rng.below(4) {
        0 => worker.rng.below(600) as u32,
        _ => size_of_number(request),
    };
    worker.buffer[..1024].fill(0);
    let number = match worker.rng.below(4) {
        0 => worker.rng.word(),
        _ => worker.rng.below(10) as u32,
    };
    worker.buffer[..4].copy_from_slice(&number.to_ne_bytes());
    let address = worker.address(1024);
    call(file, with_size(request, size), address)
}

pub(crate) fn any(worker: &mut Worker) -> bool {
    let file = worker.file();
    let address = worker.address(1 << 14);
    let request = match worker.rng.below(4) {
        // The driver's, in any direction.
        0 => (worker.rng.word() & 3) << 30 | uapi::IOC_MAGIC << 8 | worker.rng.below(10) as u32,
        1 => libc::FIONBIO as u32,
        2 => libc::FIOASYNC as u32,
        _ => uapi::IOC_MAGIC << 8 | worker.rng.number() as u32 & 0xffff_00ff,
    };
    call(file, request, address)
}
