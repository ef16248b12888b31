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
pub use follow::Follow;

/// The longest line that an agent sends, with room to spare: the levels of all lines.
const LINE_MAX: u64 = 1 << 20;

/// How long the agent has to answer a request.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which agent, and how to get in.
#[derive(Args, Clone)]
pub struct Target {
    /// Ask this agent, not the driver: tcp:HOST:PORT, tls:HOST:PORT or unix:PATH
    #[arg(long, global = true, value_name = "ADDRESS", value_parser = Address::parse)]
    pub connect: Option<Address>,
    /// The file with the secret of a token
    #[arg(long, global = true, value_name = "FILE", requires = "connect")]
    pub token_file: Option<PathBuf>,
    /// The certificates, in PEM, that the agent's is checked against
    #[arg(long, global = true, value_name = "FILE", requires = "connect")]
    pub ca: Option<PathBuf>,
    /// The client's own certificate in PEM, where the agent asks for one
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, global = true, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
    /// Connect again when the connection breaks, and go on where it did
    #[arg(long, global = true, requires = "connect")]
    pub reconnect: bool,
    /// With --reconnect: for how long the agent may be silent; longer than its `heartbeat`, and "0s" is for ever
    #[arg(long, global = true, value_name = "TIME", default_value = "90s", requires = "reconnect",
          value_parser = humantime::parse_duration)]
    pub silence: Duration,
}

/// A connection on which the agent has greeted.
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
    /// The agent can't be reached, or refuses.
    pub fn connect(target: &Target, request: &Request) -> Result<Self> {
        let Some(address) = &target.connect else {
            bail!(
                "this needs an agent: say which by --connect, such as --connect unix:/run/mypoll-agent/events.sock"
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
                // The request took longer than the agent waits for one.
                Message::Event(_) | Message::Session(_) => {}
                other => bail!(
                    "{address}: this is no mypoll-agent, or one of another version: it sent {other:?}"
                ),
            }
        };
        client.lines.get_ref().give_up_after(None)?;
        Ok(client)
    }

    /// Who the agent is.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The next line of the agent's.
    ///
    /// # Errors
    ///
    /// The connection ended, or the agent says that something is wrong.
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

    /// The next line that comes before `deadline`; `None` after it.
    ///
    /// # Errors
    ///
    /// As [`Client::next`].
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

    /// The next line, which is or precedes the answer to something.
    ///
    /// # Errors
    ///
    /// As [`Client::next`]; or it does not come.
    pub fn answer(&mut self) -> Result<Message<'static>> {
        let message = self.next_until(Some(Instant::now() + PATIENCE))?;
        message.ok_or_else(|| {
            let error = format!("nothing came within {PATIENCE:?}");
            std::io::Error::new(std::io::ErrorKind::TimedOut, error).into()
        })
    }

    /// Has the agent carry out an order.
    ///
    /// # Errors
    ///
    /// It did not.
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
    // TimedOut is the end of a connection to a machine that vanished.
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
    fn a_connection_that_timed_out_is_no_deadline() {
        let is = |errno| is_timeout(&io::Error::from(errno).into());
        assert!(is(Errno::AGAIN));
        assert!(!is(Errno::TIMEDOUT));
    }
}
