// SPDX-License-Identifier: MIT OR Apache-2.0

//! Private queues, as specified in uapi/mypoll.h.

mod atomic;
mod clock;
mod configure;
mod configure_errors;
mod fdinfo;
mod filter;
mod info;
mod kinds;
mod limit;
mod mmap;
mod mmap_errors;
mod mmap_garbage;
mod never_false;
mod nowait;
mod overflow;
mod poll;
mod read;
mod read_errors;
mod readers;
mod reconfigure;
mod removed;
mod room;
mod sigio;
mod sigio_races;
mod sizes;
mod stress;
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "x86_64"
))]
mod uring;
mod watermark;

use super::{Test, tests};

/// The tests of private queues.
pub(super) const TESTS: &[&[Test]] = &[
    configure::TESTS,
    configure_errors::TESTS,
    read::TESTS,
    read_errors::TESTS,
    overflow::TESTS,
    filter::TESTS,
    kinds::TESTS,
    clock::TESTS,
    watermark::TESTS,
    poll::TESTS,
    never_false::TESTS,
    sigio::TESTS,
    sigio_races::TESTS,
    readers::TESTS,
    reconfigure::TESTS,
    atomic::TESTS,
    room::TESTS,
    removed::TESTS,
    limit::TESTS,
    nowait::TESTS,
    #[cfg(any(
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "x86_64"
    ))]
    uring::TESTS,
    info::TESTS,
    sizes::TESTS,
    mmap::TESTS,
    mmap_errors::TESTS,
    mmap_garbage::TESTS,
    fdinfo::TESTS,
    stress::TESTS,
];
