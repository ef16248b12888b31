// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of mypoll-agent.

mod connection;
mod follow;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mypoll_protocol::{Action, Hello, Message, Order, Request};

pub use connection::Address;
use connection::Connection;
pub use follow::{Follow, Reconnect};

/// Limit for a line of the agent. The longest lists the levels of all lines.
const LINE_MAX: u64 = 1 << 20;

/// Time limit for the agent's answer to a request.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which agent to use, and how to authenticate.
#[derive(Args, Clone)]
#[command(next_help_heading = "Agent")]
pub struct Target {
    /// Use this agent instead of the driver: tcp:HOST:PORT, tls:HOST:PORT or unix:PATH
    #[arg(long, global = true, value_name = "ADDRESS", value_parser = Address::parse)]
    pub connect: Option<Address>,
    /// File with the secret of a token
    #[arg(long, global = true, value_name = "FILE", requires = "connect")]
    pub token_file: Option<PathBuf>,
    /// CA certificates, in PEM, to verify the agent's certificate
    #[arg(long, global = true, value_name = "FILE", requires = "connect")]
    pub ca: Option<PathBuf>,
    /// Client certificate in PEM, if the agent requires one
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Private key of the client certificate, in PEM
    #[arg(long, global = true, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
}

/// A connection after the agent's greeting.
pub struct Client {
    lines: BufReader<Connection>,
    line: Vec<u8>,
    hello: Hello,
}

impl Client {
    /// Connects, and sends `request`.
    ///
    /// # Errors
    ///
    /// The agent is unreachable or refuses.
    pub fn connect(target: &Target, request: &Request) -> Result<Self> {
        let Some(address) = &target.connect else {
            bail!(
                "this command needs an agent: use --connect, such as --connect unix:/run/mypoll-agent/events.sock"
            );
        };
        let token = match &target.token_file {
            Some(path) => {
                let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
                Some(text.trim().to_owned())
            }
            None => None,
        };
        let request = Request {
            protocol: Some(mypoll_protocol::VERSION),
            token,
            ..request.clone()
        };
        let connection = Connection::open(address, target)
            .with_context(|| format!("cannot connect to {address}"))?;
        connection.give_up_after(Some(PATIENCE))?;
        let mut lines = BufReader::new(connection);
        let mut text = serde_json::to_vec(&request)?;
        text.push(b'\n');
        lines
            .get_mut()
            .write_all(&text)
            .with_context(|| address.to_string())?;
        lines.get_mut().flush()?;
        let hello = Hello {
            protocol: 0,
            agent: String::new(),
            machine: String::new(),
            boot: String::new(),
            session: String::new(),
            next: 0,
        };
        let mut client = Self {
            lines,
            line: Vec::new(),
            hello,
        };
        client.hello = loop {
            match client.answer().with_context(|| address.to_string())? {
                Message::Hello { hello } => break hello,
                // The request arrived after the agent had started to send events.
                Message::Event(_) | Message::Session(_) => {}
                other => bail!(
                    "{address}: not a mypoll-agent, or an incompatible version: it sent {other:?}"
                ),
            }
        };
        client.lines.get_ref().give_up_after(None)?;
        Ok(client)
    }

    /// The agent's identity.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The next line of the agent.
    ///
    /// # Errors
    ///
    /// The connection ended, or the agent reports an error.
    fn next(&mut self) -> Result<Message<'static>> {
        if !self.line.ends_with(b"\n") {
            let room = LINE_MAX.saturating_sub(self.line.len() as u64);
            self.lines
                .by_ref()
                .take(room)
                .read_until(b'\n', &mut self.line)?;
        }
        if !self.line.ends_with(b"\n") {
            bail!(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "the agent closed the connection"
            ));
        }
        let line = std::mem::take(&mut self.line);
        let message: Message<'_> = serde_json::from_slice(&line).with_context(|| {
            let start = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
            format!("expected a line of JSON, not `{}`", start.trim_end())
        })?;
        match message.into_owned() {
            Message::Error { error } => bail!("the agent says: {error}"),
            message => Ok(message),
        }
    }

    /// The next line that arrives before `deadline`; `None` after it.
    ///
    /// # Errors
    ///
    /// Same as [`Client::next`].
    pub fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<Message<'static>>> {
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.lines.get_ref().give_up_after(Some(left))?;
        }
        match self.next() {
            Ok(message) => Ok(Some(message)),
            Err(error) if is_timeout(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next line: an answer, or a line before it.
    ///
    /// # Errors
    ///
    /// Same as [`Client::next`], or nothing arrives in time.
    pub fn answer(&mut self) -> Result<Message<'static>> {
        let message = self.next_until(Some(Instant::now() + PATIENCE))?;
        message.ok_or_else(|| {
            let error = format!("no answer within {PATIENCE:?}");
            std::io::Error::new(std::io::ErrorKind::TimedOut, error).into()
        })
    }

    /// Sends an order to the agent.
    ///
    /// # Errors
    ///
    /// The agent did not carry it out.
    pub fn order(&mut self, action: Action) -> Result<()> {
        let mut text = serde_json::to_vec(&Order { order: action })?;
        text.push(b'\n');
        self.lines.get_mut().write_all(&text)?;
        self.lines.get_mut().flush()?;
        loop {
            if let Message::Done { .. } = self.answer()? {
                return Ok(());
            }
        }
    }
}

fn is_timeout(error: &anyhow::Error) -> bool {
    // TimedOut means that the peer stopped acknowledging.
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_connection_timeout_is_not_the_deadline() {
        let is = |errno| is_timeout(&io::Error::from(errno).into());
        assert!(is(Errno::AGAIN));
        assert!(!is(Errno::TIMEDOUT));
    }
}
