// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo on a terminal: a live table; keys press buttons.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};

use super::Demo;
use super::table::{Key, Table};
use crate::build::devicetree::Line;
use crate::store::signals;
use crate::vm::buttons::{Action, Buttons};
use crate::vm::client::{Client, ReceiveError, Received};
use crate::vm::machine::Machine;

/// Events that the screen handles.
enum Input {
    Key(KeyEvent),
    Resized,
    Received(Received),
    /// A recoverable error.
    Error(String),
    /// The connection to the agent failed.
    Lost(ReceiveError),
    /// The keyboard can't be read.
    NoKeys(io::Error),
}

/// The action of a key. A worker executes them in order, since a press takes a while.
enum Order {
    Press(Line),
    Trigger,
}

pub(super) fn run(demo: Demo) -> Result<()> {
    let Demo {
        machine,
        system,
        buttons,
        client,
        page,
        started,
    } = demo;
    let (inputs, received) = mpsc::channel();
    let (orders, ordered) = mpsc::channel();
    let keys = keys(&buttons);
    let title = format!(
        "mypoll on Linux {}, machine {}, ready {:.1} s after the command",
        system.version,
        machine.name(),
        started.elapsed().as_secs_f32(),
    );
    let page = format!("live page: {page}");
    let table = Table::new(
        [title, page],
        keys.iter().map(|(key, _)| key.clone()).collect(),
    );

    signals::before_termination(ratatui::restore)?;
    thread::spawn({
        let inputs = inputs.clone();
        move || receive(client, &inputs)
    });
    thread::spawn({
        let inputs = inputs.clone();
        move || read_keys(&inputs)
    });
    thread::scope(|scope| {
        let (machine, buttons) = (&machine, &buttons);
        scope.spawn(move || work(&ordered, machine, buttons, &inputs));
        // The worker ends when `show` drops the sender of its orders.
        let result = show(table, &received, orders, &keys);
        ratatui::restore();
        result
    })
}

/// The keys that press buttons: 1 for the first line etc.
fn keys(buttons: &Buttons) -> Vec<(Key, Line)> {
    buttons
        .lines()
        .iter()
        .filter(|line| line.input.is_some())
        .zip('1'..='9')
        .map(|(line, key)| {
            let key = Key {
                key: key.to_string(),
                action: line.label.clone(),
            };
            (key, line.clone())
        })
        .collect()
}

fn show(
    mut table: Table,
    inputs: &Receiver<Input>,
    orders: Sender<Order>,
    keys: &[(Key, Line)],
) -> Result<()> {
    let mut terminal = ratatui::try_init().context("can't set up the terminal")?;
    loop {
        terminal
            .draw(|frame| table.draw(frame))
            .context("can't draw")?;
        match inputs.recv().context("all input threads have ended")? {
            Input::Received(received) => table.add(received.message),
            Input::Error(error) => table.set_error(error),
            Input::Lost(error) => return Err(error.into()),
            Input::NoKeys(error) => return Err(error).context("can't read the keyboard"),
            Input::Resized => {}
            Input::Key(key) => {
                let order = match key.code {
                    KeyCode::Char('q') => return Ok(()),
                    KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                        return Ok(());
                    }
                    KeyCode::Char('t') => Some(Order::Trigger),
                    KeyCode::Char(' ') => keys.first().map(|(_, line)| Order::Press(line.clone())),
                    KeyCode::Char(key) => keys
                        .iter()
                        .find(|(other, _)| other.key == key.to_string())
                        .map(|(_, line)| Order::Press(line.clone())),
                    _ => None,
                };
                if let Some(order) = order {
                    table.set_error(String::new());
                    orders.send(order).context("the worker thread has ended")?;
                }
            }
        }
    }
}

fn receive(mut client: Client, inputs: &Sender<Input>) {
    const A_DAY: Duration = Duration::from_secs(24 * 3600);
    loop {
        let input = match client.next(A_DAY) {
            Ok(received) => Input::Received(received),
            Err(ReceiveError::Timeout(_)) => continue,
            Err(error) => {
                let _ = inputs.send(Input::Lost(error));
                return;
            }
        };
        if inputs.send(input).is_err() {
            return;
        }
    }
}

fn read_keys(inputs: &Sender<Input>) {
    loop {
        let input = match read() {
            Ok(Event::Key(key)) if key.kind == KeyEventKind::Press => Input::Key(key),
            Ok(Event::Resize(..)) => Input::Resized,
            Ok(_) => continue,
            Err(error) => Input::NoKeys(error),
        };
        let ends = matches!(input, Input::NoKeys(_));
        if inputs.send(input).is_err() || ends {
            return;
        }
    }
}

fn work(orders: &Receiver<Order>, machine: &Machine, buttons: &Buttons, inputs: &Sender<Input>) {
    for order in orders {
        let result = match &order {
            Order::Press(line) => buttons
                .act(line, Action::Press)
                .map_err(|e| format!("{e:#}")),
            Order::Trigger => match machine.guest().output(["mypollctl", "trigger"]) {
                Ok(output) if output.status == 0 => Ok(()),
                Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
                Err(error) => Err(error.to_string()),
            },
        };
        if let Err(error) = result {
            if inputs.send(Input::Error(error)).is_err() {
                return;
            }
        }
    }
}
