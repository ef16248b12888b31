// SPDX-License-Identifier: MIT OR Apache-2.0

//! Private queues: all that uapi/mypoll.h promises.

mod clock;
mod configure;
mod configure_errors;
mod fdinfo;
mod filter;
mod info;
mod mmap;
mod mmap_errors;
mod mmap_garbage;
mod overflow;
mod poll;
mod read;
mod read_errors;
mod readers;
mod reconfigure;
mod room;
mod sigio;
mod stress;
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
    clock::TESTS,
    watermark::TESTS,
    poll::TESTS,
    sigio::TESTS,
    readers::TESTS,
    reconfigure::TESTS,
    room::TESTS,
    info::TESTS,
    mmap::TESTS,
    mmap_errors::TESTS,
    mmap_garbage::TESTS,
    fdinfo::TESTS,
    stress::TESTS,
];
