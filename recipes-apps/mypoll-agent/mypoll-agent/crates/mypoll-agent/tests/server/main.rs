// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server with real sockets, and events from the test in place of the device.

mod fanout;
mod harness;
mod shutdown;
