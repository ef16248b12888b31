// SPDX-License-Identifier: GPL-2.0-only

//! Open files of /dev/mypoll.

mod command;
mod fdinfo;
mod file_operations;
mod ioctl;
mod open_file;
mod private;
mod shared;

pub(crate) use open_file::OpenFile;
