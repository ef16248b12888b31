// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checking a configuration.

use std::io::{self, Write as _};

use anyhow::Result;
use mypoll_agent::supervisor;

use super::{File, run::event_loop};

/// Says whether the configuration is valid, and with `probe` whether what it names can be opened.
pub fn check(file: File<'_>, probe: bool) -> Result<()> {
    let config = file.read()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}: valid", file.describe())?;
    if probe {
        let findings = event_loop()?.block_on(supervisor::probe(&config))?;
        for finding in findings {
            writeln!(stdout, "{finding}")?;
        }
    }
    Ok(())
}
