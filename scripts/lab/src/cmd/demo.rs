// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/demo`: a button is pressed from outside the guest, and a TCP client outside the guest sees it.

mod plain;
mod screen;
mod table;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cli::DemoArgs;
use crate::store::cache::Cache;
use crate::vm::buttons::Buttons;
use crate::vm::client::Client;
use crate::vm::machine::{self, Machine, MachineOptions};
use crate::{BuildOptions, Paths, Progress, System, build};

/// The machine with the buttons, and the client that receives their events.
struct Demo {
    machine: Machine,
    system: System,
    buttons: Buttons,
    client: Client,
    /// The address of the agent's live page.
    page: String,
    started: Instant,
}

/// Runs `./scripts/demo`.
pub fn demo(paths: &Paths, args: &DemoArgs) -> Result<ExitCode> {
    let started = Instant::now();
    let progress = Progress::new(args.build.install);
    let system = build(paths, &BuildOptions::from(&args.build), &progress)?;
    let cache = Cache::new(paths, &progress);
    let options = MachineOptions {
        purpose: "demo",
        agent: true,
        log: machine::kept_log("demo"),
        ..MachineOptions::default()
    };
    progress.say("Starting the machine…");
    let machine = Machine::start(cache, &system, &options)?;
    let address = machine.agent()?;
    let client = Client::connect(address)
        .with_context(|| format!("can't connect to the agent at {address}"))?;
    let demo = Demo {
        buttons: machine.buttons()?,
        page: format!("http://{}/", machine.page()?),
        machine,
        system,
        client,
        started,
    };
    if stdin().is_terminal() && stdout().is_terminal() {
        screen::run(demo)?;
    } else {
        plain::run(demo)?;
    }
    Ok(ExitCode::SUCCESS)
}
