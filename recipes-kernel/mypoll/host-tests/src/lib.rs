// SPDX-License-Identifier: GPL-2.0-only

//! The files of the driver that need nothing but `core`, unchanged, and their tests.

#![cfg(test)]

#[path = "../../mypoll/command.rs"]
mod command;
#[path = "../../mypoll/event.rs"]
mod event;
#[path = "../../mypoll/queue.rs"]
mod queue;
#[path = "../../mypoll/text.rs"]
mod text;

mod command_tests;
mod event_tests;
mod queue_tests;
