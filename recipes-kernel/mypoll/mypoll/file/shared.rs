// SPDX-License-Identifier: GPL-2.0-only

//! A plain file: each read returns one event as a line of text, each write is a command.

use super::command::Command;
use crate::{
    bus::Bus,
    clock::now_ns,
    context::Context,
    event::{
        Event,
        LINE_MAX, //
    },
    kernel_ext::params,
    text::TextBuffer,
    trace, //
};
use core::fmt::Write as _;
use kernel::{
    bindings,
    iov::IovIterDest,
    prelude::*, //
};

/// Reads the next event of the shared queue. With `block`, sleeps until there is one.
#[inline(never)]
pub(super) fn read(bus: &Bus, iov: &mut IovIterDest<'_>, block: bool) -> Result<usize> {
    let claim = bus.claim(block)?;
    let mut line = [0; LINE_MAX];
    let mut line = TextBuffer::new(&mut line);
    let result = write!(line, "{}", claim.record())
        .map_err(|_| EOVERFLOW)
        .and_then(|()| copy_whole(iov, line.text()));
    match result {
        Ok(length) => {
            bus.delivered(claim);
            trace::read(1, false);
            Ok(length)
        }
        Err(error) => {
            bus.put_back(claim);
            Err(error)
        }
    }
}

/// Carries out a command.
///
/// `ENOBUFS` for a trigger if all queues are full, errors of the timer.
pub(super) fn run(context: &Context, command: Command) -> Result {
    let Context { bus, timer, .. } = context;
    match command {
        Command::Trigger => bus
            .submit(Event::trigger(now_ns()))
            .map_err(|_full| Error::from_errno(-(bindings::ENOBUFS as i32))),
        Command::Start(period_ms) => {
            timer.start(bus, period_ms.unwrap_or_else(params::timer_period_ms))
        }
        Command::Stop => timer.stop(),
        Command::Reset => {
            bus.reset_counters();
            Ok(())
        }
    }
}

/// Copies all of `text` or fails: `EINVAL` if the reader's buffer is too short, `EFAULT` if it can't
/// be written.
fn copy_whole(iov: &mut IovIterDest<'_>, text: &[u8]) -> Result<usize> {
    if iov.len() < text.len() {
        return Err(EINVAL);
    }
    if iov.copy_to_iter(text) < text.len() {
        return Err(EFAULT);
    }
    Ok(text.len())
}
