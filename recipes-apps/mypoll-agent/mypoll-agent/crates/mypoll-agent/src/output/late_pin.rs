// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pin that may not be there yet: its chip's driver comes later, or something else has the line.

use std::{fmt::Display, time::Duration};

use embedded_hal::digital::{OutputPin, PinState};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::deadline;

/// How long to wait before a pin that could not be opened is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// A pin that has the state that it was set to last, as soon as it can be opened.
pub struct LatePin<P, O> {
    name: String,
    state: PinState,
    open: O,
    pin: Option<P>,
    try_at: Option<Instant>,
    complaint: String,
}

impl<P, E, O> LatePin<P, O>
where
    P: OutputPin,
    E: Display,
    O: FnMut(PinState) -> Result<P, E>,
{
    /// A pin that the log calls `name` and that `open` opens in a given state, `state` at first. It is closed so far.
    pub fn new(name: String, state: PinState, open: O) -> Self {
        Self {
            name,
            state,
            open,
            pin: None,
            try_at: None,
            complaint: String::new(),
        }
    }

    /// What the log calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens it.
    ///
    /// # Errors
    ///
    /// It can't be opened; [`LatePin::try_again`] may have more luck.
    pub fn open(&mut self) -> Result<(), E> {
        match (self.open)(self.state) {
            Ok(pin) => {
                info!("opened {} as an output", self.name);
                self.pin = Some(pin);
                self.try_at = None;
                Ok(())
            }
            Err(error) => {
                self.try_at = Some(Instant::now() + PAUSE);
                Err(error)
            }
        }
    }

    /// Opens it some seconds after that failed; pending for ever where it did not. Dropping the future shortens no wait.
    pub async fn try_again(&mut self) {
        deadline::reached(self.try_at).await;
        if let Err(error) = self.open() {
            self.complain(&error);
        }
    }

    /// Logs why it can't be opened, unless that is the reason logged last.
    pub fn complain(&mut self, error: &E) {
        let complaint = error.to_string();
        if complaint != self.complaint {
            error!(
                output = self.name,
                "{complaint}; tried again every {PAUSE:?}"
            );
            self.complaint = complaint;
        }
    }

    /// Sets it, or remembers the state for when it is open. A failure is logged, and the next call tries again.
    pub fn set(&mut self, state: PinState) {
        self.state = state;
        if let Some(Err(error)) = self.pin.as_mut().map(|pin| pin.set_state(state)) {
            warn!(output = self.name, ?error, "cannot set the output");
        }
    }
}
