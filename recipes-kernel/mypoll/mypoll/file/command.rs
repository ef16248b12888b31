// SPDX-License-Identifier: GPL-2.0-only

//! The commands in writes.
//!
//! This file needs nothing but `core`: it is compiled into the module and, unchanged, into a host
//! crate that tests it.

/// The longest write that can be a command, in bytes.
pub(crate) const COMMAND_MAX: usize = 32;

/// The shortest and the longest period of the timer, in milliseconds: up to an hour.
pub(crate) const PERIOD_MS: core::ops::RangeInclusive<u32> = 1..=3_600_000;

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Queue an event.
    Trigger,
    /// Start the timer, with a period in milliseconds or the default one.
    Start(Option<u32>),
    /// Stop the timer.
    Stop,
    /// Reset the statistics.
    Reset,
}

impl Command {
    /// Whether carrying it out may sleep.
    pub(crate) fn may_sleep(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Stop)
    }

    /// Parses a command, with or without a trailing newline; `None` if it is invalid.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_suffix(b"\n").unwrap_or(text) {
            b"" | b"1" | b"trigger" => Some(Self::Trigger),
            b"start" => Some(Self::Start(None)),
            b"stop" => Some(Self::Stop),
            b"reset" => Some(Self::Reset),
            other => {
                let period = decimal(other.strip_prefix(b"start ")?)?;
                PERIOD_MS
                    .contains(&period)
                    .then_some(Self::Start(Some(period)))
            }
        }
    }
}

/// A number of decimal digits only: `str::parse` would accept a sign.
fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
