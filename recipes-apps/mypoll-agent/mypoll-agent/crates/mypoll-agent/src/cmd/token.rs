// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making tokens.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use anyhow::{Context as _, Result};
use mypoll_agent::net::token;

use crate::cli::{Role, TokenCommand};

/// Makes the token and prints it.
pub fn run(command: &TokenCommand) -> Result<()> {
    let TokenCommand::New { role, name, file } = command;
    let role = match role {
        Role::Read => mypoll_agent::net::Role::Read,
        Role::Control => mypoll_agent::net::Role::Control,
    };
    let token = token::new_token(role, name)?;
    match file {
        Some(path) => fs::File::options()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)
            .and_then(|mut file| writeln!(file, "{}", token.line))
            .with_context(|| format!("cannot add the token to {}", path.display()))?,
        None => writeln!(io::stderr(), "{}", token.line)?,
    }
    writeln!(io::stdout(), "{}", token.secret)?;
    Ok(())
}
