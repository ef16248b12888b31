// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent with real sockets: its server with events from the test, and the whole program on a FIFO.

mod fanout;
mod harness;
mod program;
mod shutdown;
