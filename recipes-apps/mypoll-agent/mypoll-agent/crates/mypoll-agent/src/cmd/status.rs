// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks the running agent for its state.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use mypoll_agent::{
    config::Config,
    net::{Address, Endpoint},
    sink::Section,
};
use mypoll_protocol::Request;
use serde_json::Value;

/// Time limit for the agent's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints the state of each part.
pub fn print(config: &Config, json: bool) -> Result<()> {
    let status = ask(config)?;
    let mut stdout = io::stdout();
    if json {
        writeln!(stdout, "{status}")?;
        return Ok(());
    }
    for (part, facts) in status.as_object().into_iter().flatten() {
        write!(stdout, "{part}:")?;
        for (name, fact) in facts.as_object().into_iter().flatten() {
            match fact.as_str() {
                Some(text) => write!(stdout, " {name}={text}")?,
                None => write!(stdout, " {name}={fact}")?,
            }
        }
        writeln!(stdout)?;
    }
    Ok(())
}

/// Uses the first stream that needs neither TLS nor a token.
fn ask(config: &Config) -> Result<Value> {
    let sections = config.sinks();
    let endpoints = sections.iter().filter_map(|section| match section {
        Section::Stream(stream) => Some(&stream.endpoint),
        _ => None,
    });
    let is_open = |endpoint: &&Endpoint| endpoint.tls.is_none() && endpoint.tokens.is_none();
    let addresses: Vec<&Address> = endpoints
        .filter(is_open)
        .flat_map(|endpoint| &endpoint.listen)
        .collect();
    let mut failure = anyhow!(
        "no [[stream]] in the configuration works without TLS and tokens: add one with listen = \
         \"unix:/run/mypoll-agent/events.sock\""
    );
    for address in addresses {
        let answer = connect(address).and_then(converse);
        match answer.with_context(|| format!("no agent answers on {address}")) {
            Ok(status) => return Ok(status),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn connect(address: &Address) -> Result<Box<dyn Stream>> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream))
        }
        Address::Systemd(name) => {
            bail!("see the .socket unit of `{name}` for the address")
        }
        Address::Ip(_) | Address::Name(..) => {
            let stream = TcpStream::connect(address.to_string())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream))
        }
    }
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn converse(mut stream: Box<dyn Stream>) -> Result<Value> {
    let request = Request {
        status: true,
        events: false,
        ..Request::default()
    };
    let mut line = serde_json::to_string(&request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut lines = BufReader::new(stream.take(1 << 20)).lines();
    while let Some(line) = lines.next().transpose()? {
        // Only these two matter: parsing every kind of message would add 30 kB to the program.
        let mut message: Value = serde_json::from_str(&line).context("expected a line of JSON")?;
        if let Some(status) = message.get_mut("status") {
            return Ok(status.take());
        }
        if let Some(error) = message.get("error").and_then(Value::as_str) {
            bail!("the agent says: {error}");
        }
    }
    bail!("the agent closed the connection")
}
