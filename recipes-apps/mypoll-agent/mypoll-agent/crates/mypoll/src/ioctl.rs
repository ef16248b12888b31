// SPDX-License-Identifier: MIT OR Apache-2.0
//! The driver's ioctl numbers from `mypoll.h`, for programs that call them directly.
//!
//! Each number contains the size of its newest structure, as in [`uapi`].

use rustix::ioctl::opcode;

use crate::uapi;

const MAGIC: u8 = uapi::IOC_MAGIC as u8;

/// `MYPOLL_CONFIGURE`, with a [`uapi::Config`].
pub const CONFIGURE: u32 = opcode::write::<uapi::Config>(MAGIC, uapi::NR_CONFIGURE as u8) as u32;
/// `MYPOLL_GET_STATS`, with a [`uapi::Stats`].
pub const GET_STATS: u32 = opcode::read::<uapi::Stats>(MAGIC, uapi::NR_GET_STATS as u8) as u32;
/// `MYPOLL_GET_INFO`, with a [`uapi::Info`].
pub const GET_INFO: u32 = opcode::read::<uapi::Info>(MAGIC, uapi::NR_GET_INFO as u8) as u32;
/// `MYPOLL_GET_LINE`, with a [`uapi::Line`].
pub const GET_LINE: u32 = opcode::read_write::<uapi::Line>(MAGIC, uapi::NR_GET_LINE as u8) as u32;
/// `MYPOLL_GET_LEVELS`, with a [`uapi::Levels`].
pub const GET_LEVELS: u32 = opcode::read::<uapi::Levels>(MAGIC, uapi::NR_GET_LEVELS as u8) as u32;
