// SPDX-License-Identifier: GPL-2.0-only

//! The files of the driver that need nothing but `core`, unchanged, and their tests.
//!
//! `cargo +nightly miri test` runs them under Miri, `RUSTFLAGS='--cfg loom' cargo test --release`
//! tries every order in which the users of the ring can see each other's accesses.

#![cfg(test)]
// The module uses all of it.
#![allow(dead_code)]

#[path = "../../mypoll/clock.rs"]
mod clock;
#[path = "../../mypoll/file/command.rs"]
mod command;
#[path = "../../mypoll/event.rs"]
mod event;
#[path = "../../mypoll/text.rs"]
mod text;
#[path = "../../mypoll/uapi/mypoll.rs"]
mod uapi;

/// The path is that of a folder here, so that `ring.rs` finds its own submodules.
#[path = "../../mypoll/queue"]
#[cfg_attr(loom, allow(unused_imports))]
mod queue {
    pub(crate) mod owed;
    pub(crate) mod ring;
    pub(crate) mod settings;
    pub(crate) mod shared;
}

/// The program's side of a mapped ring, from the client crate.
#[path = "../../../../recipes-apps/mypoll-agent/mypoll-agent/crates/mypoll/src/queue/ring/consumer.rs"]
mod mapped_consumer;

/// Stand-ins for the kernel.
mod kernel_ext {
    pub(crate) mod ktime;
    pub(crate) mod sync;
}

#[cfg(not(loom))]
mod clock_tests;
#[cfg(not(loom))]
mod command_tests;
#[cfg(not(loom))]
mod event_tests;
#[cfg(not(loom))]
mod heap_memory;
#[cfg(not(loom))]
mod owed_tests;
#[cfg(not(loom))]
mod ring_header_tests;
#[cfg(loom)]
mod ring_loom_tests;
#[cfg(not(loom))]
mod ring_model;
#[cfg(not(loom))]
mod ring_model_tests;
#[cfg(not(loom))]
mod ring_tests;
#[cfg(not(loom))]
mod settings_tests;
#[cfg(not(loom))]
mod shared_tests;
#[cfg(not(loom))]
mod text_tests;
