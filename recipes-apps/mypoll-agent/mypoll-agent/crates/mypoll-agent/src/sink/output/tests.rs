// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs on mock pins. Time is paused: it advances only when all tasks are idle.

mod config;
mod late_lines;
mod orders;
mod rules;
mod slow;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
use tokio::{task::JoinHandle, time};

use slow::slow;

use super::{late_line::Opened, *};
use crate::{
    event::Reading,
    identity::Identity,
    journal::{Update, Writer},
    lines::{self as source_lines, Settings},
};

const ON: Duration = Duration::from_millis(100);

/// An output with its events and its pin.
struct Bench {
    writer: Writer,
    context: Context,
    pin: Mock,
    /// The states that the pin was opened in.
    opened: Arc<Mutex<Vec<PinState>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Bench {
    /// Starts an output with this rule; its pin expects these settings after it was opened.
    async fn start(keys: &str, expected: &[Transaction]) -> Self {
        Self::start_late(keys, Vec::new(), expected).await
    }

    /// The same; opening fails first, for these reasons.
    async fn start_late(keys: &str, reasons: Vec<&'static str>, expected: &[Transaction]) -> Self {
        let reasons = Mutex::new(VecDeque::from(reasons));
        Self::start_opened(keys, expected, move || {
            let reason = reasons.lock().unwrap().pop_front();
            reason.map_or(Ok(None), |reason| Err(reason.to_owned()))
        })
        .await
    }

    /// The same; `open` returns why it can't be opened, or a stand-in for the chip.
    async fn start_opened(
        keys: &str,
        expected: &[Transaction],
        open: impl Fn() -> Result<Option<std::os::fd::OwnedFd>, String> + Send + Sync + 'static,
    ) -> Self {
        let config: Config = self::config::output(keys);
        let identity = Identity::of_this_machine(Some("tests"));
        let (journal, writer) = Journal::in_memory(identity, 65536);
        let context = Context::new(journal);
        let pin = Mock::new(expected);
        let opened = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let open = Arc::new({
            let (pin, opened) = (pin.clone(), Arc::clone(&opened));
            move |state| {
                let chip = open()?;
                opened.lock().unwrap().push(state);
                let pin = pin.clone();
                Ok(Opened { pin, chip })
            }
        });
        let task = tokio::spawn({
            let (context, stop) = (context.clone(), stop.clone());
            async move { run(&config, &context, open, stop).await }
        });
        let mut bench = Self {
            writer,
            context,
            pin,
            opened,
            stop,
            task,
        };
        bench.lines(&[("button", false), ("door", false)]).await;
        bench
    }

    /// Reports all lines, as a source that has read them.
    async fn lines(&mut self, lines: &[(&str, bool)]) {
        let lines = lines
            .iter()
            .zip(0..)
            .map(|((label, active), number)| source_lines::Line {
                number,
                label: Some((*label).into()),
                active: Some(*active),
                settings: Settings::default(),
            });
        self.writer
            .append(Update {
                readings: Vec::new(),
                lines: Some(lines.collect()),
            })
            .await;
        self.settle().await;
    }

    /// Appends an event, and lets the output react.
    async fn event(&mut self, kind: Kind, line: u32) {
        self.events(&[(kind, line)]).await;
        self.settle().await;
    }

    async fn events(&mut self, events: &[(Kind, u32)]) {
        let reading = |&(kind, line): &(Kind, u32)| Reading {
            timestamp_ns: 0,
            source: kind.source().unwrap(),
            kind,
            line,
            value: u32::from(kind == Kind::RISING),
            lost: 0,
        };
        self.writer
            .append(Update {
                readings: events.iter().map(reading).collect(),
                lines: None,
            })
            .await;
    }

    /// Paused time advances only when all tasks are idle.
    async fn settle(&self) {
        time::sleep(Duration::from_millis(1)).await;
    }

    /// Ends the events; the output must end and have done everything expected.
    async fn finish(self) {
        let Self {
            writer,
            mut pin,
            task,
            ..
        } = self;
        drop(writer);
        task.await.unwrap();
        pin.done();
    }
}

fn high() -> Transaction {
    Transaction::set(State::High)
}

fn low() -> Transaction {
    Transaction::set(State::Low)
}
