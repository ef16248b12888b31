// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPIO outputs, which react to events and take orders.
//!
//! An output reads the journal and computes the wanted state; [`late_line`] applies it to the line. A slow line skips
//! outdated states, but shows every blink and pulse: their time starts when the line shows them.

mod config;
mod gpio;
mod late_line;

use std::{fmt::Display, future::pending, sync::Arc, time::Duration};

use embedded_hal::digital::{self, OutputPin, PinState};
use mypoll_protocol::{Action, Output as Switch};
use tokio::{
    sync::{mpsc, oneshot},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use config::{Config, Rule};

use super::Run;
use crate::{
    command::{Commands, Executor, Order, Refused},
    context::Context,
    event::{Event, Kind},
    journal::{Cursor, Delivery, Gap, Journal, Start},
    status::Reporter,
};
use late_line::{LateLine, Open, Outcome};

/// The longest pulse of an order, in milliseconds.
const LONGEST_PULSE: u32 = 3_600_000;

impl Config {
    pub(super) fn name(&self) -> String {
        format!("output {}", self.name)
    }

    /// The line is opened when the sink runs; retries while its chip is missing.
    pub(super) fn prepare(&self, context: &Context) -> Run {
        let (config, context) = (self.clone(), context.clone());
        Box::new(move |token| {
            Box::pin(async move {
                let (line, name) = (config.line.clone(), config.name.clone());
                let open = Arc::new(move |state| gpio::open(&line, &name, state));
                run(&config, &context, open, token).await;
            })
        })
    }
}

async fn run<P, E>(config: &Config, context: &Context, open: Open<P>, token: CancellationToken)
where
    P: OutputPin<Error = E> + Send + 'static,
    E: digital::Error + Display,
{
    let reporter = context.status.reporter(config.name());
    let orders = context
        .commands
        .register(Executor::Output(config.name.clone()));
    let inactive = PinState::from(config.active_low);
    let output = Output {
        config,
        reporter: &reporter,
        commands: &context.commands,
        journal: &context.journal,
        line: LateLine::new(&config.name, &reporter, open, inactive),
        active: false,
        off: Off::Never,
        seen: 0,
        ordered: None,
    };
    let cursor = context.journal.cursor(Start::Now);
    output.run(cursor, orders, token).await;
}

struct Output<'a, P> {
    config: &'a Config,
    reporter: &'a Reporter,
    commands: &'a Commands,
    journal: &'a Journal,
    line: LateLine<'a, P>,
    /// The wanted state of the line.
    active: bool,
    /// When it becomes inactive by itself.
    off: Off,
    /// The last event included in the levels that `follow` read.
    seen: u64,
    /// An order in progress.
    ordered: Option<Ordered>,
}

#[derive(Clone, Copy)]
enum Off {
    Never,
    /// This long after the line shows it.
    After(Duration),
    At(Instant),
}

struct Ordered {
    reply: oneshot::Sender<Result<(), Refused>>,
    /// The previous wanted state: a failed order must not take effect later.
    before: (bool, Off),
}

impl<P, E> Output<'_, P>
where
    P: OutputPin<Error = E> + Send + 'static,
    E: digital::Error + Display,
{
    /// Runs until there are no more events, or it is stopped; leaves the line inactive.
    async fn run(
        mut self,
        mut cursor: Cursor,
        mut orders: mpsc::Receiver<Order>,
        token: CancellationToken,
    ) {
        self.look();
        loop {
            // Before the line is set again: a steady flow of events must not delay orders.
            if self.line.is_at_rest() && self.ordered.is_none() {
                if let Ok(order) = orders.try_recv() {
                    self.carry_out(order);
                }
            }
            let takes_orders = self.line.is_settled();
            tokio::select! {
                // An event at the very end of a blink extends it without a gap.
                biased;
                () = token.cancelled() => break,
                outcome = self.line.progress() => self.came_to(outcome),
                Some(order) = orders.recv(), if takes_orders => self.carry_out(order),
                delivery = cursor.next() => match delivery {
                    Some(delivery) => self.take(&delivery),
                    None => break,
                },
                () = reached(self.off) => self.want(false, None),
            }
        }
        // Fails pending orders: the agent is shutting down.
        drop((orders, self.ordered));
        self.commands.forget(&self.config.name);
        self.line.close(level(self.config, false)).await;
    }

    fn take(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Events(batch) => batch.events().for_each(|event| self.react(event)),
            Delivery::Era(_) => self.look(),
            Delivery::Gap(Gap { missed, .. }) => {
                self.look();
                if !matches!(self.config.rule, None | Some(Rule::Follow(_))) {
                    warn!(
                        output = self.config.name,
                        missed, "too slow, did not react to some events"
                    );
                }
            }
        }
    }

    /// Reads the current level of the followed line: at startup, and after missing events.
    fn look(&mut self) {
        if let Some(Rule::Follow(target)) = &self.config.rule {
            let snapshot = self.journal.snapshot();
            let mut lines = snapshot.lines.iter().filter(|line| target.is(line));
            let active = lines.any(|line| line.active == Some(true));
            self.seen = snapshot.after;
            self.want(active, None);
        }
    }

    fn react(&mut self, event: &Event) {
        match &self.config.rule {
            Some(Rule::Follow(target)) if event.sequence > self.seen => {
                let Some(level) = event.reading.level() else {
                    return;
                };
                if matches!(event.reading.kind, Kind::RISING | Kind::FALLING) {
                    if target.is_of(event) {
                        self.want(level == Some(true), None);
                    }
                } else {
                    // A line was added, removed, or renamed.
                    self.look();
                }
            }
            Some(Rule::Blink(when, on)) if when.takes(event) => self.want(true, Some(*on)),
            Some(Rule::Pulse(when, on)) if when.takes(event) && !self.is_pulsing() => {
                self.want(true, Some(*on));
            }
            Some(Rule::Toggle(when)) if when.takes(event) => self.want(!self.active, None),
            _ => {}
        }
    }

    fn is_pulsing(&self) -> bool {
        self.active && !matches!(self.off, Off::Never)
    }

    /// Sets the wanted state: permanently, or for a time.
    fn want(&mut self, active: bool, on: Option<Duration>) {
        self.active = active;
        self.line.want(level(self.config, active));
        self.off = on.map_or(Off::Never, Off::After);
        self.start_time();
        if let Some(ordered) = &mut self.ordered {
            ordered.before = (self.active, self.off);
        }
    }

    /// Starts the time of a blink or pulse when the line shows it. If the line is unavailable, the time passes unseen.
    fn start_time(&mut self) {
        match self.off {
            Off::After(on) if self.line.is_settled() => self.off = Off::At(Instant::now() + on),
            _ => {}
        }
    }

    fn came_to(&mut self, outcome: Outcome) {
        self.start_time();
        let result = match outcome {
            Outcome::Shows(state) => {
                let active = state == level(self.config, true);
                self.reporter.count("active", active.into());
                self.reporter.add("switched", 1);
                self.commands.show(&self.config.name, Some(active));
                Ok(())
            }
            Outcome::Failed(reason) => {
                self.reporter.add("failures", 1);
                Err(Refused::Failed(reason))
            }
        };
        if let Some(Ordered { reply, before }) = self.ordered.take() {
            if result.is_err() {
                (self.active, self.off) = before;
                self.line.want(level(self.config, self.active));
                self.start_time();
            }
            // The sender of the order may be gone.
            let _ = reply.send(result);
        }
    }

    fn carry_out(&mut self, Order { action, reply }: Order) {
        let before = (self.active, self.off);
        match self.ordered_state(&action) {
            Ok((active, on)) => self.want(active, on),
            Err(refused) => {
                let _ = reply.send(Err(refused));
                return;
            }
        }
        if self.line.is_settled() {
            let _ = reply.send(Ok(()));
        } else {
            self.ordered = Some(Ordered { reply, before });
        }
    }

    /// The state that an order wants, and for how long.
    fn ordered_state(&self, action: &Action) -> Result<(bool, Option<Duration>), Refused> {
        let refused = |why: String| {
            let name = &self.config.name;
            Err(Refused::Failed(format!("the output `{name}` {why}")))
        };
        if let Some(Rule::Follow(target)) = &self.config.rule {
            return refused(format!("follows {target}, which alone controls it"));
        }
        if let Some(reason) = self.line.reason() {
            return refused(format!("is unavailable: {reason}"));
        }
        match action {
            Action::Output(Switch::Set { active, .. }) => Ok((*active, None)),
            Action::Output(Switch::Toggle { .. }) => Ok((!self.active, None)),
            Action::Output(Switch::Pulse { ms, .. }) if (1..=LONGEST_PULSE).contains(ms) => {
                Ok((true, Some(Duration::from_millis((*ms).into()))))
            }
            Action::Output(Switch::Pulse { ms, .. }) => refused(format!(
                "supports pulses of 1 to {LONGEST_PULSE} ms, not {ms}"
            )),
            Action::Trigger | Action::StartTimer { .. } | Action::StopTimer => {
                refused("has neither triggers nor a timer".to_owned())
            }
        }
    }
}

fn level(config: &Config, active: bool) -> PinState {
    PinState::from(active != config.active_low)
}

/// Ends when the time of a blink or pulse is over; otherwise never, without a timer.
async fn reached(off: Off) {
    match off {
        Off::At(at) => time::sleep_until(at).await,
        Off::After(_) | Off::Never => pending().await,
    }
}

#[cfg(test)]
mod tests;
