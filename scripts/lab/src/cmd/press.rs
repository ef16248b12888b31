// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/press`: presses a button of a machine that runs in another terminal.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cli::PressArgs;
use crate::vm::buttons::{Action, Buttons};
use crate::vm::machine::runtime;

/// Runs `./scripts/press`.
pub fn press(args: &PressArgs) -> Result<ExitCode> {
    let machine = choose(
        runtime::running().context("can't list the running machines")?,
        args.machine.as_deref(),
    )?;
    let buttons = Buttons::of(&machine)?;
    let action = match (args.down, args.up) {
        (true, _) => Action::Down,
        (_, true) => Action::Up,
        _ => Action::Press,
    };
    buttons.act(buttons.line(&args.line)?, action)?;
    Ok(ExitCode::SUCCESS)
}

/// The machine named `wanted`, or the only one that is running.
fn choose(running: Vec<PathBuf>, wanted: Option<&str>) -> Result<PathBuf> {
    let names = || {
        running
            .iter()
            .map(|path| runtime::name(path))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if running.is_empty() {
        bail!("no machine is running; start one with ./scripts/demo or ./scripts/run");
    }
    match wanted {
        Some(wanted) => running
            .iter()
            .find(|path| runtime::name(path) == wanted)
            .cloned()
            .with_context(|| format!("no machine {wanted} is running; running: {}", names())),
        None if running.len() > 1 => {
            bail!(
                "several machines are running, choose one with --machine: {}",
                names()
            )
        }
        None => Ok(running[0].clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_machine_is_chosen_by_name() {
        let running = machines(&["/x/demo-1", "/x/run-2"]);
        assert_eq!(
            choose(running, Some("run-2")).unwrap(),
            PathBuf::from("/x/run-2")
        );
    }

    #[test]
    fn errors_list_the_running_machines() {
        let error =
            |running: &[&str], wanted| choose(machines(running), wanted).unwrap_err().to_string();
        assert!(error(&[], None).starts_with("no machine is running"));
        let several = error(&["/x/demo-1", "/x/run-2"], None);
        assert!(several.ends_with("--machine: demo-1, run-2"), "{several}");
        let unknown = error(&["/x/demo-1"], Some("run-2"));
        assert_eq!(unknown, "no machine run-2 is running; running: demo-1");
    }
}
