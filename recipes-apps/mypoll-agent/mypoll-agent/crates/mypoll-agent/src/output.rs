// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPIO outputs that react to events.

pub mod gpio;

use std::sync::Arc;

use embedded_hal::digital::{OutputPin, PinState};
use mypoll::{Event, Lines};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};
use tracing::warn;

use crate::{config::Rule, deadline, fanout::Notice};

/// A pin and what it does on which event.
pub struct Output<P> {
    /// The pin; high and low are voltages here, whatever is active.
    pub pin: P,
    /// Whether low is the active level.
    pub active_low: bool,
    /// What it does.
    pub rule: Rule,
    /// The labels that the rule may refer to.
    pub lines: Arc<Lines>,
    /// What the log calls it.
    pub name: String,
}

impl<P: OutputPin> Output<P> {
    /// Reacts to events until there are no more, and leaves the pin inactive.
    ///
    /// A failing pin is logged and tried again at the next change.
    pub async fn run(mut self, mut events: Receiver<Notice>) {
        let mut off_at = None;
        loop {
            tokio::select! {
                // An event at the very end of a blink prolongs it, without a gap.
                biased;
                notice = events.recv() => match notice {
                    Ok(Notice { event, .. }) => off_at = self.react(&event).or(off_at),
                    Err(RecvError::Lagged(missed)) => {
                        warn!(output = self.name, missed, "too slow, did not react to some events");
                    }
                    Err(RecvError::Closed) => break,
                },
                () = deadline::reached(off_at) => {
                    off_at = None;
                    self.set(false);
                }
            }
        }
        self.set(false);
    }

    /// Does what the rule says; the result is when to turn the pin off.
    fn react(&mut self, event: &Event) -> Option<Instant> {
        match &self.rule {
            Rule::Follow(line) if line.is_of(event, &self.lines) => {
                self.set(event.value != 0);
                None
            }
            Rule::Blink(blink) if blink.wants(event, &self.lines) => {
                let off_at = Instant::now() + blink.on;
                self.set(true);
                Some(off_at)
            }
            Rule::Follow(_) | Rule::Blink(_) => None,
        }
    }

    fn set(&mut self, active: bool) {
        let state = PinState::from(active != self.active_low);
        if let Err(error) = self.pin.set_state(state) {
            warn!(output = self.name, ?error, "cannot set the output");
        }
    }
}
