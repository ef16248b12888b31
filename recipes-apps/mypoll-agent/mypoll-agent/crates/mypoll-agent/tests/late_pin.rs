// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pin that can't be opened at first, and what is logged of it: alone, since a process has one log.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use embedded_hal::digital::PinState;
use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
use mypoll_agent::output::LatePin;
use tokio::time::Instant;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_until_it_opens_and_each_reason_is_logged_once() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_writer(move || writer.clone())
        .init();

    let mut mock = Mock::new(&[Transaction::set(State::Low)]);
    let opened = mock.clone();
    let mut reasons = ["no chip", "no chip", "busy", "busy", "no chip"].into_iter();
    let mut states = Vec::new();
    let mut pin = LatePin::new("LED".to_owned(), PinState::Low, |state| {
        states.push(state);
        reasons.next().map_or_else(|| Ok(opened.clone()), Err)
    });
    let start = Instant::now();
    let reason = pin.open().unwrap_err();
    pin.complain(&reason);
    for _ in 0..4 {
        pin.try_again().await;
    }
    // What it is set to meanwhile is what it is opened with.
    pin.set(PinState::High);
    pin.try_again().await;
    assert_eq!(start.elapsed(), Duration::from_secs(25));
    pin.set(PinState::Low);
    mock.done();
    drop(pin);

    assert_eq!(states[..5], [PinState::Low; 5]);
    assert_eq!(states[5..], [PinState::High]);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        logged.lines().map(str::trim).collect::<Vec<_>>(),
        [
            r#"ERROR no chip; tried again every 5s output="LED""#,
            r#"ERROR busy; tried again every 5s output="LED""#,
            r#"ERROR no chip; tried again every 5s output="LED""#,
            "INFO opened LED as an output",
        ]
    );
}
