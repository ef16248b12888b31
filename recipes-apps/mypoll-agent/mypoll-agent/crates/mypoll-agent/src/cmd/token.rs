// SPDX-License-Identifier: MIT OR Apache-2.0
//! Creates tokens.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, Result};
use mypoll_agent::net::token;

use crate::cli::{Role, TokenCommand};

/// Creates the token and prints it.
pub fn run(command: &TokenCommand) -> Result<()> {
    let TokenCommand::New { role, name, file } = command;
    let role = match role {
        Role::Read => mypoll_agent::net::Role::Read,
        Role::Control => mypoll_agent::net::Role::Control,
    };
    let token = token::new_token(role, name)?;
    match file {
        Some(path) => append(path, &token.line)
            .with_context(|| format!("cannot add the token to {}", path.display()))?,
        None => writeln!(io::stderr(), "{}", token.line)?,
    }
    writeln!(io::stdout(), "{}", token.secret)?;
    Ok(())
}

/// Appends a line, even if the last line lacks a newline.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = fs::File::options()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let end = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{end}{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_final_newline_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        append(&path, "one").unwrap();
        append(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        fs::write(&path, "one").unwrap();
        append(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
