// SPDX-License-Identifier: GPL-2.0-only

//! The ioctls of uapi/mypoll.h.

use crate::{
    abstractions::user_struct::UserStruct,
    chardev::OpenFile,
    settings::Settings,
    uapi::{
        self,
        Config, //
    }, //
};
use kernel::{
    bindings,
    fs::File,
    ioctl::_IOC_SIZE,
    prelude::*, //
};

const CONFIGURE: u32 = sizeless(uapi::CONFIGURE);
const GET_STATS: u32 = sizeless(uapi::GET_STATS);

/// An ioctl's number without the size of its structure, which versions may differ in.
const fn sizeless(cmd: u32) -> u32 {
    cmd & !(bindings::_IOC_SIZEMASK << bindings::_IOC_SIZESHIFT)
}

/// Does what ioctl `cmd` asks for, with a structure at `arg`.
///
/// `ENOTTY` for an unknown one; other errors as uapi/mypoll.h has them.
pub(crate) fn ioctl(open: &OpenFile, file: &File, cmd: u32, arg: usize) -> Result<isize> {
    let size = _IOC_SIZE(cmd);
    match sizeless(cmd) {
        CONFIGURE => {
            let config = Config::read(arg, size)?;
            open.configure(file, Settings::new(&config).ok_or(EINVAL)?)?;
        }
        GET_STATS => {
            let queue = open.queue().ok_or(EINVAL)?;
            queue
                .with_subscriber(|subscriber| subscriber.stats())
                .write(arg, size)?;
        }
        _ => return Err(ENOTTY),
    }
    Ok(0)
}
