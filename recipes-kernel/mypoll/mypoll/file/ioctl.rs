// SPDX-License-Identifier: GPL-2.0-only

//! The ioctls of uapi/mypoll.h.

use crate::{
    abstractions::user_struct::UserStruct,
    chardev::OpenFile,
    settings::Settings,
    uapi::{
        self,
        Config,
        Info,
        Line, //
    }, //
};
use kernel::{
    bindings,
    fs::File,
    ioctl::_IOC_SIZE,
    prelude::*, //
};

/// What [`Info::version`] says: the recipe's version, 0.1.0.
const VERSION: u32 = 0x00_01_00;

const CONFIGURE: u32 = sizeless(uapi::CONFIGURE);
const GET_STATS: u32 = sizeless(uapi::GET_STATS);
const GET_INFO: u32 = sizeless(uapi::GET_INFO);
const GET_LINE: u32 = sizeless(uapi::GET_LINE);

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
        GET_INFO => {
            let lines = open.hub().lines.lock().set();
            let line_count = lines.iter().map(|word| word.count_ones()).sum();
            let info = Info {
                version: VERSION,
                line_count,
                features: uapi::FEATURE_QUEUES | uapi::FEATURE_MMAP,
                lines,
            };
            info.write(arg, size)?;
        }
        GET_LINE => {
            let asked = Line::read(arg, size)?;
            if asked.reserved != 0 {
                return Err(EINVAL);
            }
            let line = open.hub().lines.lock().describe(asked.number)?;
            line.write(arg, size)?;
        }
        _ => return Err(ENOTTY),
    }
    Ok(0)
}
