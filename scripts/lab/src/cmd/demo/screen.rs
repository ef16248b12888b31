// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo on a terminal: a live table; keys press buttons.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};

use super::Demo;
use super::table::Table;
use crate::build::devicetree::Line;
use crate::store::signals;
use crate::vm::buttons::{Action, Buttons};
use crate::vm::client::Received;
use crate::vm::machine::Machine;

/// Longer than any demo runs.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the screen handles.
enum Input {
    Terminal(Event),
    Received(Received),
    /// An order failed.
    Error(String),
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
        mut client,
        page,
        started,
    } = demo;
    let (inputs, received) = mpsc::channel();
    let (orders, ordered) = mpsc::channel();
    let lines = buttons.pressable();
    let title = format!(
        "mypoll on Linux {}, machine {}, ready {:.1} s after the command",
        system.version,
        machine.name(),
        started.elapsed().as_secs_f32(),
    );
    let page = format!("live page: {page}");
    let labels = lines.iter().map(|line| line.label.clone()).collect();
    let table = Table::new([title, page], labels);

    signals::before_termination(ratatui::restore)?;
    thread::spawn({
        let inputs = inputs.clone();
        move || forward(&inputs, || client.next(FOREVER).map(Input::Received))
    });
    thread::spawn({
        let inputs = inputs.clone();
        let next = || {
            read()
                .context("can't read the keyboard")
                .map(Input::Terminal)
        };
        move || forward(&inputs, next)
    });
    thread::scope(|scope| {
        let (machine, buttons) = (&machine, &buttons);
        scope.spawn(move || work(&ordered, machine, buttons, &inputs));
        // The worker ends when `show` drops the sender of its orders.
        let result = show(table, &received, orders, &lines);
        ratatui::restore();
        result
    })
}

fn show(
    mut table: Table,
    inputs: &Receiver<Result<Input>>,
    orders: Sender<Order>,
    lines: &[Line],
) -> Result<()> {
    let mut terminal = ratatui::try_init().context("can't set up the terminal")?;
    loop {
        terminal
            .draw(|frame| table.draw(frame))
            .context("can't draw")?;
        let key = match inputs.recv().context("all input threads have ended")?? {
            Input::Received(received) => {
                table.add(received.message);
                continue;
            }
            Input::Error(error) => {
                table.set_error(error);
                continue;
            }
            Input::Terminal(Event::Key(key)) if key.kind == KeyEventKind::Press => key,
            // A new size.
            Input::Terminal(_) => continue,
        };
        let press = |index| lines.get(index).cloned().map(Order::Press);
        let order = match key.code {
            KeyCode::Char('q') => return Ok(()),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
            KeyCode::Char('t') => Some(Order::Trigger),
            KeyCode::Char(' ') => press(0),
            KeyCode::Char(key @ '1'..='9') => press(key as usize - '1' as usize),
            _ => None,
        };
        if let Some(order) = order {
            table.set_error(String::new());
            orders.send(order).context("the worker thread has ended")?;
        }
    }
}

/// Passes inputs on. The first error ends the demo.
fn forward(inputs: &Sender<Result<Input>>, mut next: impl FnMut() -> Result<Input>) {
    loop {
        let input = next();
        let failed = input.is_err();
        if inputs.send(input).is_err() || failed {
            return;
        }
    }
}

fn work(
    orders: &Receiver<Order>,
    machine: &Machine,
    buttons: &Buttons,
    inputs: &Sender<Result<Input>>,
) {
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
            if inputs.send(Ok(Input::Error(error))).is_err() {
                return;
            }
        }
    }
}
