// SPDX-License-Identifier: GPL-2.0-only

//! The ioctls of uapi/mypoll.h.

use super::OpenFile;
use crate::{
    kernel_ext::user_struct,
    queue::settings::Settings,
    uapi::{
        self,
        Config,
        Info,
        Levels,
        Line,
        Stats, //
    }, //
};
use kernel::{
    ioctl::{
        _IOC_SIZE,
        _IOR,
        _IOW,
        _IOWR, //
    },
    prelude::*,
    uapi as kernel_uapi, //
};

const CONFIGURE: u32 = sizeless(_IOW::<Config>(uapi::IOC_MAGIC, uapi::NR_CONFIGURE));
const GET_STATS: u32 = sizeless(_IOR::<Stats>(uapi::IOC_MAGIC, uapi::NR_GET_STATS));
const GET_INFO: u32 = sizeless(_IOR::<Info>(uapi::IOC_MAGIC, uapi::NR_GET_INFO));
const GET_LINE: u32 = sizeless(_IOWR::<Line>(uapi::IOC_MAGIC, uapi::NR_GET_LINE));
const GET_LEVELS: u32 = sizeless(_IOR::<Levels>(uapi::IOC_MAGIC, uapi::NR_GET_LEVELS));

/// Returns an ioctl's number without the size of its structure, which may differ between versions.
const fn sizeless(cmd: u32) -> u32 {
    cmd & !(kernel_uapi::_IOC_SIZEMASK << kernel_uapi::_IOC_SIZESHIFT)
}

/// Handles ioctl `cmd` with a structure at `arg`.
///
/// `ENOTTY` for an unknown one; other errors as in uapi/mypoll.h.
pub(super) fn ioctl(open: &OpenFile, cmd: u32, arg: usize) -> Result<isize> {
    let size = _IOC_SIZE(cmd);
    let context = open.context();
    match sizeless(cmd) {
        CONFIGURE => {
            let config: Config = user_struct::read(arg, size, uapi::CONFIG_SIZE_VER0)?;
            open.configure(Settings::new(&config).ok_or(EINVAL)?)?;
        }
        GET_STATS => {
            let stats = open.queue().ok_or(EINVAL)?.stats()?;
            user_struct::write(&stats, arg, size, uapi::STATS_SIZE_VER0)?;
        }
        GET_INFO => {
            let lines = context.gpio.lines.lock().set();
            let info = Info {
                queues_max: context.bus.queues_max() as u32,
                line_count: lines.iter().map(|word| word.count_ones()).sum(),
                features: uapi::FEATURE_QUEUES
                    | uapi::FEATURE_MMAP
                    | uapi::FEATURE_LEVELS
                    | uapi::FEATURE_COUNTERS,
                lines,
            };
            user_struct::write(&info, arg, size, uapi::INFO_SIZE_VER0)?;
        }
        GET_LINE => {
            let asked: Line = user_struct::read(arg, size, uapi::LINE_SIZE_VER0)?;
            if asked.reserved != 0 || asked.reserved2 != 0 {
                return Err(EINVAL);
            }
            let line = context
                .gpio
                .lines
                .lock()
                .describe(&context.bus, asked.number)?;
            user_struct::write(&line, arg, size, uapi::LINE_SIZE_VER0)?;
        }
        GET_LEVELS => {
            // Events of lines that report only one kind of edge do not determine their level.
            let (one_edge, read) = context.gpio.lines.lock().one_edge_levels();
            let mut levels = match open.queue() {
                None => context.bus.levels(),
                Some(queue) => queue.levels()?,
            };
            for (word, (mask, read)) in levels.levels.iter_mut().zip(one_edge.iter().zip(read)) {
                *word = *word & !mask | read & mask;
            }
            user_struct::write(&levels, arg, size, uapi::LEVELS_SIZE_VER0)?;
        }
        _ => return Err(ENOTTY),
    }
    Ok(0)
}
