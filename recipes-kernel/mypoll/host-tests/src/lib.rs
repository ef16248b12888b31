// SPDX-License-Identifier: GPL-2.0-only

//! The files of the driver that need nothing but `core`, unchanged, and their tests.
//!
//! `cargo +nightly miri test` runs them under Miri, `RUSTFLAGS='--cfg loom' cargo test --release`
//! tries every order in which the two sides of the ring can see each other's accesses.

#![cfg(test)]
// The module uses all of it.
#![allow(dead_code)]

#[path = "../../mypoll/command.rs"]
mod command;
#[path = "../../mypoll/event.rs"]
mod event;
#[path = "../../mypoll/queue.rs"]
mod queue;
#[path = "../../mypoll/settings.rs"]
mod settings;
#[path = "../../mypoll/text.rs"]
mod text;
#[path = "../../mypoll/uapi/mypoll.rs"]
mod uapi;

/// The program's side of a mapped ring, from the client crate.
#[path = "../../../../recipes-apps/mypoll-agent/mypoll-agent/crates/mypoll/src/queue/ring/consumer.rs"]
mod mapped_consumer;

mod abstractions {
    #[path = "../../../mypoll/abstractions/ring.rs"]
    pub(crate) mod ring;
    pub(crate) mod sync;
}

#[cfg(not(loom))]
mod command_tests;
#[cfg(not(loom))]
mod event_tests;
#[cfg(not(loom))]
mod heap_memory;
#[cfg(not(loom))]
mod queue_tests;
#[cfg(not(loom))]
mod ring_control_tests;
#[cfg(loom)]
mod ring_loom_tests;
#[cfg(not(loom))]
mod ring_tests;
#[cfg(not(loom))]
mod settings_tests;
#[cfg(not(loom))]
mod text_tests;
