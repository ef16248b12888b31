// SPDX-License-Identifier: MIT OR Apache-2.0
//! `[[gesture]]`: clicks and long presses of a line. docs/gestures.md has a timing diagram.

mod config;
#[cfg(test)]
mod tests;

pub use config::Config;

use super::{
    config::{ms, ns},
    machine::{Found, Machine},
};
use crate::event::Kind;

/// Maximum number of overdue repeats that are reported; earlier ones are only counted.
const OVERDUE: u64 = 64;

/// The state of one line. All times are in nanoseconds.
pub(super) struct Gesture {
    /// Shorter presses are clicks.
    click: u64,
    /// A press this soon after a click belongs to it.
    gap: u64,
    /// Presses of at least this length are long.
    long: u64,
    repeat: Option<u64>,
    /// Maximum number of clicks to count.
    most: u32,
    state: State,
    /// Number of clicks so far, and when the last ended.
    clicks: u32,
    released: u64,
}

enum State {
    /// Inactive or unknown.
    Up,
    /// Active since then, not yet classified.
    Pressed(u64),
    /// A long press since then, with this number of repeats.
    Long(u64, u64),
    /// Active, but not part of a gesture.
    Held,
}

impl Gesture {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            click: ns(config.click),
            gap: ns(config.double_click),
            long: ns(config.long_press),
            repeat: config.repeat.map(ns),
            most: config.clicks,
            state: State::Up,
            clicks: 0,
            released: 0,
        }
    }

    fn report_clicks(&mut self, out: &mut Vec<Found>) {
        let value = std::mem::take(&mut self.clicks);
        let kind = match value {
            0 => return,
            1 => Kind::CLICK,
            2 => Kind::DOUBLE_CLICK,
            _ => Kind::TRIPLE_CLICK,
        };
        out.push(Found {
            kind,
            value,
            at: self.released,
        });
    }

    fn release(&mut self, at: u64, out: &mut Vec<Found>) {
        if let State::Long(since, _) = self.state {
            out.push(Found {
                kind: Kind::RELEASE,
                value: ms(at.saturating_sub(since)),
                at,
            });
        }
        self.state = State::Up;
    }
}

impl Machine for Gesture {
    fn edge(&mut self, active: bool, at: u64, out: &mut Vec<Found>) {
        match self.state {
            State::Up if active => self.state = State::Pressed(at),
            // An active line that becomes active is bouncing.
            _ if active => {}
            State::Pressed(since) => {
                self.state = State::Up;
                if at.saturating_sub(since) < self.click {
                    self.clicks += 1;
                    self.released = at;
                    if self.clicks >= self.most {
                        self.report_clicks(out);
                    }
                }
            }
            _ => self.release(at, out),
        }
    }

    fn level(&mut self, active: Option<bool>, at: u64, out: &mut Vec<Found>) {
        self.forget(at, out);
        if active == Some(true) {
            self.state = State::Held;
        }
    }

    fn forget(&mut self, at: u64, out: &mut Vec<Found>) {
        self.clicks = 0;
        self.release(at, out);
    }

    fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Up if self.clicks > 0 => self.released.checked_add(self.gap),
            State::Pressed(since) if self.clicks > 0 => since.checked_add(self.click),
            State::Pressed(since) => since.checked_add(self.long),
            State::Long(since, repeats) => self
                .repeat?
                .checked_mul(repeats + 1)?
                .checked_add(self.long)?
                .checked_add(since),
            State::Up | State::Held => None,
        }
    }

    fn fire(&mut self, now: u64, out: &mut Vec<Found>) {
        let Some(at) = self.deadline() else {
            return;
        };
        match (&mut self.state, self.repeat) {
            (State::Long(_, repeats), Some(interval)) => {
                let skipped = (now.saturating_sub(at) / interval).saturating_sub(OVERDUE - 1);
                *repeats += skipped + 1;
                out.push(Found {
                    kind: Kind::REPEAT,
                    value: (*repeats).try_into().unwrap_or(u32::MAX),
                    at: at + skipped * interval,
                });
            }
            (State::Pressed(since), _) if self.clicks == 0 => {
                self.state = State::Long(*since, 0);
                out.push(Found {
                    kind: Kind::LONG_PRESS,
                    value: ms(self.long),
                    at,
                });
            }
            _ => self.report_clicks(out),
        }
    }

    fn end(&mut self, at: u64, out: &mut Vec<Found>) {
        self.report_clicks(out);
        self.forget(at, out);
    }

    fn is_fresh(&self) -> bool {
        matches!(self.state, State::Pressed(_))
    }

    fn fresh_for(&self) -> u64 {
        self.long
    }

    fn use_up(&mut self, out: &mut Vec<Found>) {
        self.report_clicks(out);
        self.state = State::Held;
    }
}
