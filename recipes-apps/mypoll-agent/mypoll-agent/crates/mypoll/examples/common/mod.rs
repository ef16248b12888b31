// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared by the two SIGIO programs: arguments, enabling SIGIO, printing queued events.

mod args;

use std::{
    io::{self, Write as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result};
use mypoll::Device;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

pub use args::Args;

/// The device, and the number of events left to print.
pub struct Events {
    device: Device,
    left: u64,
}

impl Events {
    /// Opens the device and makes it send SIGIO to this process, which must have a handler for it.
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
        .context("cannot enable SIGIO (O_ASYNC)")?;
        Ok(Self {
            device,
            left: args.count(),
        })
    }

    /// Prints events until there is none (EAGAIN) or enough were printed; returns whether more are wanted.
    ///
    /// One SIGIO may stand for several events, and events queued before O_ASYNC was set send none.
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
