// SPDX-License-Identifier: MIT OR Apache-2.0
//! SIGIO alone: the signal wakes the program, which then reads events until EAGAIN.

mod common;

use anyhow::{Context as _, Result};
use clap::Parser;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Print the events of /dev/mypoll, woken by SIGIO.
#[derive(Parser)]
#[command(after_help = "Example: sigio_test 3    prints three events and exits")]
struct Cli {
    #[command(flatten)]
    args: common::Args,
}

/// Does nothing: the call itself ends the wait.
extern "C" fn on_sigio(_signal: libc::c_int) {}

fn main() -> Result<()> {
    let cli = Cli::parse();

    // Blocked except while waiting: a SIGIO between the last read and the wait stays pending and ends the wait.
    let sigio = SigSet::from(Signal::SIGIO);
    sigio.thread_block().context("cannot block SIGIO")?;
    let mut others = SigSet::thread_get_mask().context("cannot get the signal mask")?;
    others.remove(Signal::SIGIO);

    let action = SigAction::new(
        SigHandler::Handler(on_sigio),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing, so it is async-signal-safe.
    unsafe { sigaction(Signal::SIGIO, &action) }.context("cannot handle SIGIO")?;

    let mut events = common::Events::with_sigio(cli.args)?;
    while events.drain()? {
        others.suspend().context("cannot wait for a signal")?;
    }
    Ok(())
}
