// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/run`: boots the system and runs a command or a shell in it.

use std::env;
use std::io::{self, IsTerminal, Read, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use crossterm::terminal;
use signal_hook::consts::{SIGPIPE, SIGTERM};
use signal_hook::low_level::raise;

use crate::cli::RunArgs;
use crate::store::cache::Cache;
use crate::store::signals;
use crate::vm::guest::{Guest, GuestError};
use crate::vm::machine::{self, Machine, MachineOptions};
use crate::{BuildOptions, Paths, Progress, build};

/// Exit status if the machine failed, not the command: EX_UNAVAILABLE of sysexits.h, as in vmtest.
pub const UNAVAILABLE: u8 = 69;

/// Ctrl-] ends the session, as in telnet.
const ESCAPE: u8 = 0x1d;

/// Runs `./scripts/run`. An error means that the machine failed.
pub fn run(paths: &Paths, args: &RunArgs) -> Result<ExitCode> {
    let share = args.share.as_deref().map(absolute_folder).transpose()?;
    let progress = Progress::new(args.build.install);
    let system = build(paths, &BuildOptions::from(&args.build), &progress)?;
    let cache = Cache::new(paths, &progress);
    let options = MachineOptions {
        purpose: "run",
        append: args.append.clone(),
        share,
        cpus: Some(args.cpus),
        // The agent would consume the events that the command needs.
        agent: false,
        log: machine::kept_log("run"),
        ..MachineOptions::default()
    };
    let machine = Machine::start(cache, &system, &options)?;
    let guest = machine.guest();
    let result = if !args.command.is_empty() {
        guest.run(
            &args.command,
            Some(Box::new(stdin())),
            &mut stdout(),
            &mut stderr(),
        )
    } else if stdin().is_terminal() && stdout().is_terminal() {
        eprintln!("Machine {}; Ctrl-] ends it.", machine.name());
        shell_on_terminal(guest)?
    } else {
        guest.run(
            ["sh"],
            Some(Box::new(stdin())),
            &mut stdout(),
            &mut stderr(),
        )
    };
    match result {
        Ok(status) => Ok(ExitCode::from(status)),
        Err(GuestError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            // The reader of stdout has gone: exit like a local command killed by SIGPIPE.
            Ok(ExitCode::from(128 + SIGPIPE as u8))
        }
        Err(error) => {
            let log = machine::tail(machine.log(), 25).unwrap_or_default();
            bail!("the machine failed before the command's end: {error}\n{log}")
        }
    }
}

fn absolute_folder(dir: &Path) -> Result<PathBuf> {
    let path = dir
        .canonicalize()
        .with_context(|| format!("can't share {}", dir.display()))?;
    ensure!(path.is_dir(), "can't share {}: not a folder", dir.display());
    Ok(path)
}

fn shell_on_terminal(guest: &Guest) -> Result<Result<u8, GuestError>> {
    let (columns, rows) = terminal::size().context("can't get the terminal's size")?;
    let name = env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
    let size = (rows, columns);
    signals::before_termination(|| drop(terminal::disable_raw_mode()))?;
    terminal::enable_raw_mode().context("can't set the terminal to raw mode")?;
    let status = guest.run_on_terminal(["sh", "-l"], &name, size, Box::new(Keys), &mut stdout());
    terminal::disable_raw_mode().context("can't restore the terminal")?;
    Ok(status)
}

/// The terminal's input. [`ESCAPE`] ends this program.
struct Keys;

impl Read for Keys {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = stdin().read(buffer)?;
        if buffer[..count].contains(&ESCAPE) {
            raise(SIGTERM)?;
        }
        Ok(count)
    }
}
