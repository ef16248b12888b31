// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl`: shows events of the driver or of a remote agent, and sends orders.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use mypollctl::Cli;

fn main() -> ExitCode {
    match mypollctl::run(&Cli::parse()) {
        Ok(code) => code,
        // The reader of the output has exited, as in `mypollctl monitor | head -3`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // eprintln! would panic when stderr can't be written.
            let _ = writeln!(io::stderr(), "mypollctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
