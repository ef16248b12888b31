// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures the agent under load.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
};

use anyhow::{Context as _, Result};
use nix::{sys::stat::Mode, unistd::mkfifo};

use crate::{
    Load,
    process::{Server, free_port},
    receivers::Receivers,
    report::Report,
    sender,
};

/// Measures the agent.
pub fn measure(program: &Path, load: Load) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let fifo = folder.path().join("events");
    mkfifo(&fifo, Mode::S_IRWXU)?;
    let port = free_port()?;
    let config = folder.path().join("agent.toml");
    let text = format!(
        "[simulated]\npath = {fifo:?}\n[[stream]]\nlisten = \"127.0.0.1:{port}\"\nmax-clients = {}\n",
        load.clients + load.silent + 1
    );
    fs::write(&config, text)?;
    let server = Server::start(program, &["--config".as_ref(), config.as_os_str()], port)?;

    let connect = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"{}\n")?;
        let mut hello = String::new();
        // Buffers only this line: nothing else is sent before the first event.
        BufReader::new(&stream).read_line(&mut hello)?;
        Ok(stream)
    };
    let silent: Result<Vec<_>> = (0..load.silent).map(|_| connect()).collect();
    let silent = silent?;
    let clients: Result<Vec<_>> = (0..load.clients).map(|_| connect()).collect();
    let receivers = Receivers::start(clients?, load.events());

    let mut source = File::options()
        .write(true)
        .open(&fifo)
        .context("the FIFO")?;
    let before = server.cpu_time()?;
    let sending = sender::send(load, &mut source, |stamp, bytes| {
        bytes.extend_from_slice(format!("tick @{stamp}\n").as_bytes());
    })?;
    let received = receivers.finish()?;
    drop(silent);
    Report::new("agent", load, &server, before, sending, received)
}
