// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual machines in QEMU, and their interfaces.

pub mod buttons;
pub mod client;
pub mod debian_root;
pub mod guest;
pub mod machine;
pub mod qmp;
pub mod qtest;
pub mod raspi;
pub mod splat;
