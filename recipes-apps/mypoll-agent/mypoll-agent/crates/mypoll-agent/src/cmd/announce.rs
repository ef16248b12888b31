// SPDX-License-Identifier: MIT OR Apache-2.0
//! Announces the listeners.

use std::{
    io::{self, Write as _},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use mypoll_agent::dns_sd::{Folders, Outcome, Service};

use super::File;
use crate::cli::AnnounceArgs;

/// Announces the listeners that other machines can reach, if any.
pub fn announce(file: File<'_>, args: &AnnounceArgs) -> Result<()> {
    let services = if args.remove {
        Vec::new()
    } else {
        Service::of(&file.read()?)
    };
    let folders = Folders {
        avahi: args.avahi.clone(),
        resolved: args.resolved.clone(),
        resolved_runs: "/run/systemd/resolve".into(),
    };
    let outcome = folders.announce(&services).context("cannot announce")?;
    let by = match outcome {
        Outcome::Avahi => "avahi",
        Outcome::Resolved { changed } => {
            if changed {
                restart_resolved()?;
            }
            "systemd-resolved"
        }
        Outcome::Nobody => {
            writeln!(
                io::stdout(),
                "neither avahi nor systemd-resolved is installed"
            )?;
            return Ok(());
        }
    };
    for service in &services {
        writeln!(
            io::stdout(),
            "{} on port {}, by {by}",
            service.kind,
            service.port
        )?;
    }
    if services.is_empty() {
        writeln!(io::stdout(), "nothing is announced")?;
    }
    Ok(())
}

/// Restarts systemd-resolved, which reads its files only at startup. Does not wait: a service's own start may run this.
fn restart_resolved() -> Result<()> {
    let arguments = ["--no-block", "try-restart", "systemd-resolved.service"];
    let status = Command::new("systemctl").args(arguments).status();
    match status.context("cannot run systemctl")? {
        status if status.success() => Ok(()),
        status => bail!("systemctl {}: {status}", arguments.join(" ")),
    }
}
