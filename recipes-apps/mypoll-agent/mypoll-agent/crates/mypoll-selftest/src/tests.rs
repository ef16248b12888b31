// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tests, one file per subject.

mod basics;
mod binding;
mod configfs;
mod counters;
mod debounce;
mod enomem;
mod epoll;
mod gpio;
mod labels;
mod levels;
mod line_sequence;
mod lines;
mod module;
mod numbers;
mod overflow;
mod owner;
mod parameters;
mod poll;
mod queue;
mod read;
mod read_errors;
mod readers;
mod select;
mod sigio;
mod sigio_eventfd;
mod stats;
mod timer;
mod timer_and_stats;
mod trace;
mod uevent;
mod write;
mod write_errors;

use anyhow::Result;

use crate::device::Device;

/// A test.
pub(crate) struct Test {
    /// Its subject and the tested behaviour, such as `read.zero_bytes`.
    pub(crate) name: &'static str,
    /// Fails with the seen and the expected value. The device is settled before it.
    pub(crate) run: fn(&Device) -> Result<()>,
}

/// Declares the tests of a subject, named after their functions.
macro_rules! tests {
    ($subject:literal: $($function:ident),+ $(,)?) => {
        /// The tests of this subject.
        pub(super) const TESTS: &[$crate::tests::Test] = &[$($crate::tests::Test {
            name: concat!($subject, ".", stringify!($function)),
            run: $function,
        }),+];
    };
}
use tests;

/// All tests, starting with those that the others build on.
pub(crate) fn all() -> impl Iterator<Item = &'static Test> {
    [
        basics::TESTS,
        timer_and_stats::TESTS,
        sigio_eventfd::TESTS,
        read::TESTS,
        read_errors::TESTS,
        write::TESTS,
        write_errors::TESTS,
        poll::TESTS,
        select::TESTS,
        epoll::TESTS,
        readers::TESTS,
        sigio::TESTS,
        timer::TESTS,
        overflow::TESTS,
        stats::TESTS,
        parameters::TESTS,
        gpio::TESTS,
        debounce::TESTS,
        lines::TESTS,
        levels::TESTS,
        line_sequence::TESTS,
        counters::TESTS,
        configfs::TESTS,
        labels::TESTS,
        numbers::TESTS,
        uevent::TESTS,
        trace::TESTS,
        owner::TESTS,
        binding::TESTS,
        module::TESTS,
        enomem::TESTS,
    ]
    .iter()
    .chain(&configfs::MORE)
    .chain(queue::TESTS)
    .copied()
    .flatten()
}
