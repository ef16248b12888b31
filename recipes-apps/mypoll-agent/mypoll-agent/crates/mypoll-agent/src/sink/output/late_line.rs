// SPDX-License-Identifier: MIT OR Apache-2.0
//! An output line that may be unavailable: its chip's driver loads later or is unbound, or something else uses the line.
//!
//! A line may block for long, for example behind an I2C expander. So all accesses run on a separate thread, one at a
//! time.

use std::{fmt::Display, future::pending, os::fd::OwnedFd, sync::Arc, time::Duration};

use embedded_hal::digital::{OutputPin, PinState};
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{JoinHandle, spawn_blocking},
    time::{self, Instant},
};
use tracing::{debug, error, info};

use crate::status::{Busy, Condition, Reporter};

/// Pause after the first failure; doubled with each, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A pin that was opened in the wanted state.
pub(super) struct Opened<P> {
    pub(super) pin: P,
    /// Hangs up when the chip is removed.
    pub(super) chip: Option<OwnedFd>,
}

/// Opens the pin in a state; the error is a message.
pub(super) type Open<P> = Arc<dyn Fn(PinState) -> Result<Opened<P>, String> + Send + Sync>;

/// A line that shows the wanted state as soon as possible.
pub(super) struct LateLine<'a, P> {
    name: &'a str,
    reporter: &'a Reporter,
    open: Open<P>,
    wanted: PinState,
    /// The running operation; it owns the pin meanwhile.
    task: Option<(JoinHandle<Done<P>>, Busy)>,
    pin: Option<Pin<P>>,
    /// When it was last opened.
    opened_at: Instant,
    /// Why it is no longer open.
    lost: Option<String>,
    /// Why it is unavailable.
    reason: Option<String>,
    /// The reason that was logged.
    complaint: Option<String>,
    retry_at: Instant,
    pause: Duration,
}

struct Pin<P> {
    pin: P,
    shown: PinState,
    chip: Option<AsyncFd<OwnedFd>>,
}

enum Done<P> {
    Opened(PinState, Result<Opened<P>, String>),
    Set(Result<Pin<P>, String>),
}

/// The result of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The line shows this state.
    Shows(PinState),
    /// The line is unavailable; retrying.
    Failed(String),
}

impl<'a, P, E> LateLine<'a, P>
where
    P: OutputPin<Error = E> + Send + 'static,
    E: embedded_hal::digital::Error + Display,
{
    /// A line that is being opened.
    pub(super) fn new(
        name: &'a str,
        reporter: &'a Reporter,
        open: Open<P>,
        wanted: PinState,
    ) -> Self {
        let now = Instant::now();
        let mut line = Self {
            name,
            reporter,
            open,
            wanted,
            task: None,
            pin: None,
            opened_at: now,
            lost: None,
            reason: None,
            complaint: None,
            retry_at: now,
            pause: FIRST_PAUSE,
        };
        line.open();
        line
    }

    /// Sets the wanted state.
    pub(super) fn want(&mut self, state: PinState) {
        self.wanted = state;
    }

    /// Whether no operation is running.
    pub(super) fn is_at_rest(&self) -> bool {
        self.task.is_none()
    }

    /// Whether it shows the wanted state, or is unavailable at present.
    pub(super) fn is_settled(&self) -> bool {
        let shows = |pin: &Pin<P>| pin.shown == self.wanted;
        self.is_at_rest() && self.pin.as_ref().is_none_or(shows)
    }

    /// Why it is unavailable at present.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Works until an operation ends. Dropping the future loses nothing.
    pub(super) async fn progress(&mut self) -> Outcome {
        loop {
            let outcome = if let Some((task, _)) = &mut self.task {
                let done = task.await;
                self.task = None;
                match done {
                    Ok(done) => self.done(done),
                    Err(error) => Some(self.fail(error.to_string())),
                }
            } else if let Some(pin) = self.pin.take_if(|pin| pin.shown != self.wanted) {
                self.set(pin);
                None
            } else if let Some(chip) = self.pin.as_ref().map(|pin| pin.chip.as_ref()) {
                gone(chip).await;
                self.lose("its chip was removed".to_owned())
            } else {
                time::sleep_until(self.retry_at).await;
                self.open();
                None
            };
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// Sets it to `state` if it is available, and releases it.
    pub(super) async fn close(mut self, state: PinState) {
        if let Some((task, _)) = &mut self.task {
            self.pin = match task.await {
                Ok(Done::Set(Ok(pin))) => Some(pin),
                Ok(Done::Opened(shown, Ok(Opened { pin, .. }))) => Some(Pin {
                    pin,
                    shown,
                    chip: None,
                }),
                _ => None,
            };
        }
        let Some(mut pin) = self.pin else {
            return;
        };
        let _busy = self.reporter.busy();
        let set = spawn_blocking(move || {
            if pin.shown == state {
                return Ok(());
            }
            pin.pin.set_state(state).map_err(|error| error.to_string())
        });
        if let Ok(Err(error)) = set.await {
            error!(
                output = self.name,
                "cannot set it inactive at shutdown: {error}"
            );
        }
    }

    fn open(&mut self) {
        let (open, state, old) = (Arc::clone(&self.open), self.wanted, self.pin.take());
        let task = spawn_blocking(move || {
            drop(old);
            Done::Opened(state, open(state))
        });
        self.task = Some((task, self.reporter.busy()));
    }

    fn set(&mut self, mut pin: Pin<P>) {
        pin.shown = self.wanted;
        let task = spawn_blocking(move || {
            let result = pin.pin.set_state(pin.shown);
            Done::Set(result.map(|()| pin).map_err(|error| error.to_string()))
        });
        self.task = Some((task, self.reporter.busy()));
    }

    fn done(&mut self, done: Done<P>) -> Option<Outcome> {
        match done {
            Done::Set(Ok(pin)) => {
                let shown = pin.shown;
                self.pin = Some(pin);
                Some(Outcome::Shows(shown))
            }
            Done::Set(Err(reason)) => self.lose(reason),
            Done::Opened(shown, Ok(Opened { pin, chip })) => {
                let chip = chip.and_then(|chip| self.watch(chip));
                self.pin = Some(Pin { pin, shown, chip });
                self.works();
                Some(Outcome::Shows(shown))
            }
            Done::Opened(_, Err(reason)) => {
                let reason = match &self.lost {
                    Some(lost) => format!("{lost}; {reason}"),
                    None => reason,
                };
                Some(self.fail(reason))
            }
        }
    }

    fn works(&mut self) {
        self.opened_at = Instant::now();
        self.reason = None;
        self.reporter.set(Condition::Working);
        self.complaint = None;
        let again = if self.lost.take().is_some() {
            " again"
        } else {
            ""
        };
        info!(output = self.name, "opened it{again}");
    }

    /// Gives up the pin. Reopens it at once, unless it was new.
    fn lose(&mut self, reason: String) -> Option<Outcome> {
        self.lost = Some(reason.clone());
        if self.opened_at.elapsed() < LONGEST_PAUSE {
            if let Some(pin) = self.pin.take() {
                spawn_blocking(move || drop(pin));
            }
            return Some(self.fail(reason));
        }
        self.pause = FIRST_PAUSE;
        self.open();
        None
    }

    fn fail(&mut self, reason: String) -> Outcome {
        // One reason is enough for a lost output.
        let is_new = match &self.complaint {
            None => true,
            Some(complaint) => self.lost.is_none() && *complaint != reason,
        };
        if is_new {
            error!(output = self.name, "{reason}; retrying");
            self.complaint = Some(reason.clone());
        }
        self.reporter.set(Condition::Waiting(reason.clone()));
        self.reason = Some(reason.clone());
        self.retry_at = Instant::now() + self.pause;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        Outcome::Failed(reason)
    }

    fn watch(&self, chip: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
        #[expect(unsafe_code, reason = "AsyncFd's safe constructors are deprecated")]
        // SAFETY: `OwnedFd` owns its descriptor, and returns the same one as long as it lives.
        let chip = unsafe { AsyncFd::register_with_interest(chip, Interest::READABLE) };
        // Without it, the next change also shows that the chip is gone.
        chip.inspect_err(|error| debug!(output = self.name, "cannot watch the chip: {error:?}"))
            .ok()
    }
}

/// Ends when the chip is removed.
async fn gone(chip: Option<&AsyncFd<OwnedFd>>) {
    match chip {
        // Nothing else makes it readable: no line of it is watched.
        Some(chip) => {
            let _ = chip.readable().await;
        }
        None => pending().await,
    }
}
