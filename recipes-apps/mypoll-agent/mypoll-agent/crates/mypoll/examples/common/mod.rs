// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the two SIGIO programs share: arguments, asking for SIGIO, printing what the queue holds.

mod args;

use std::{
    io::{self, Write as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result};
use mypoll::Device;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

pub use args::Args;

/// The device, and how many events are still to be seen.
pub struct Events {
    device: Device,
    left: u64,
}

impl Events {
    /// Opens the device and has it send SIGIO to this process, for which a handler stands ready.
    pub fn with_sigio(args: Args) -> Result<Self> {
        let device = Device::options()
            .read_only()
            .nonblocking()
            .open(&args.device)?;
        // SAFETY: F_SETOWN takes an int, and this is one; the descriptor is open for the whole call.
        let owned = unsafe { libc::fcntl(device.as_raw_fd(), libc::F_SETOWN, libc::getpid()) };
        nix::errno::Errno::result(owned).context("cannot set the owner (F_SETOWN)")?;
        fcntl(
            &device,
            FcntlArg::F_SETFL(OFlag::O_ASYNC | OFlag::O_NONBLOCK),
        )
        .context("cannot ask for SIGIO (O_ASYNC)")?;
        Ok(Self {
            device,
            left: args.count(),
        })
    }

    /// Prints events until there is none (EAGAIN) or enough were seen; says whether more are wanted.
    ///
    /// One SIGIO may stand for several events, and what was queued before O_ASYNC was set sends none.
    pub fn drain(&mut self) -> Result<bool> {
        let mut stdout = io::stdout().lock();
        while self.left > 0 {
            let Some(event) = self.device.try_read_event()? else {
                break;
            };
            writeln!(stdout, "{event}")?;
            self.left -= 1;
        }
        Ok(self.left > 0)
    }
}
