// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo without a terminal: three presses, and their events as the agent sent them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Demo;
use crate::vm::buttons::Action;
use crate::vm::client::{Client, Message};

const PRESSES: usize = 3;

/// Time limit for each edge.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn run(mut demo: Demo) -> Result<()> {
    eprintln!("The agent's live page, while this runs: {}", demo.page);
    let lines = demo.buttons.pressable();
    ensure!(!lines.is_empty(), "no line can be pressed from outside");
    for (press, line) in lines.iter().cycle().take(PRESSES).enumerate() {
        eprintln!(
            "Pressing line {} ({:?}) from outside the guest:",
            line.number, line.label
        );
        // Hold until the event arrives: on a loaded host the guest may pause for longer than a short press.
        for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
            demo.buttons.act(line, action)?;
            wait_for_edge(&mut demo.client, line.number, kind)
                .with_context(|| format!("press {} did not arrive", press + 1))?;
            if press == 0 && kind == "rising" {
                let seconds = demo.started.elapsed().as_secs_f32();
                eprintln!("First event {seconds:.1} s after the command.");
            }
        }
    }
    Ok(())
}

/// Prints messages up to the expected edge.
fn wait_for_edge(client: &mut Client, line: u32, kind: &str) -> Result<()> {
    client.find(TIMEOUT, |received| {
        println!("{received}");
        Ok(match &received.message {
            Message::Event(event) => {
                (event.source == "gpio" && event.line == line && event.kind == kind).then_some(())
            }
            _ => None,
        })
    })
}
