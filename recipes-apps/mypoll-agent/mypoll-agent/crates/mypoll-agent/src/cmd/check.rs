// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checking a configuration.

use std::io::{self, Write as _};

use anyhow::{Result, bail};
use mypoll_agent::{status::Condition, supervisor};

use super::{File, run::event_loop};

/// Reports whether the configuration is valid and, with `probe`, whether everything that it names can be opened.
pub fn check(file: File<'_>, probe: bool) -> Result<()> {
    let config = file.read()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", file.valid())?;
    if !probe {
        return Ok(());
    }
    let findings = event_loop()?.block_on(supervisor::probe(&config))?;
    for finding in &findings {
        writeln!(stdout, "{finding}")?;
    }
    let waiting = findings
        .iter()
        .filter(|finding| finding.condition != Condition::Working);
    match waiting.count() {
        0 => Ok(()),
        1 => bail!("one part waits"),
        count => bail!("{count} parts wait"),
    }
}
