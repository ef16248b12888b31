// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of the guest's agent: JSON lines over TCP.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;
use thiserror::Error;

pub use mypoll_protocol::{Event, Message};

/// A line from the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The line as it came, without its end.
    pub text: String,
    /// What it says.
    pub message: Message<'static>,
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why there is no next line.
#[derive(Debug, Error)]
pub enum ReceiveError {
    /// Nothing came in time.
    #[error("nothing came from the agent for {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The agent closed the connection.
    #[error("the agent closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection to the agent broke")]
    Broken(#[source] io::Error),
    /// A line that is no message.
    #[error("the agent sent {0:?}")]
    Garbled(String, #[source] serde_json::Error),
    /// Another message than a hello.
    #[error("the agent did not greet: {0}")]
    Unexpected(String),
}

/// How long the agent has to greet a client.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to the agent.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Client {
    /// Connects, and waits for the agent's hello: from then on it gets every event. A connection alone says nothing,
    /// since QEMU accepts it for the guest.
    pub fn connect(agent: SocketAddr) -> Result<Self, ReceiveError> {
        Self::greet(TcpStream::connect(agent).map_err(ReceiveError::Broken)?)
    }

    /// The same on a connection that is there.
    pub fn greet(mut stream: TcpStream) -> Result<Self, ReceiveError> {
        stream.write_all(b"{}\n").map_err(ReceiveError::Broken)?;
        let mut client = Self::new(stream);
        match client.next(PATIENCE)?.message {
            Message::Hello { .. } => Ok(client),
            other => Err(ReceiveError::Unexpected(format!("{other:?}"))),
        }
    }

    fn new(stream: TcpStream) -> Self {
        Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
        }
    }

    /// The next line, waited for no longer than `deadline`.
    pub fn next(&mut self, deadline: Duration) -> Result<Received, ReceiveError> {
        let started = Instant::now();
        while !self.line.ends_with(b"\n") {
            let left = deadline
                .checked_sub(started.elapsed())
                .filter(|left| !left.is_zero())
                .ok_or(ReceiveError::Silent(deadline))?;
            self.stream
                .get_ref()
                .set_read_timeout(Some(left))
                .map_err(ReceiveError::Broken)?;
            match self.stream.read_until(b'\n', &mut self.line) {
                Ok(0) => return Err(ReceiveError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(ReceiveError::Broken(error)),
            }
        }
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        match serde_json::from_str::<Message>(&text).map(Message::into_owned) {
            Ok(message) => Ok(Received { text, message }),
            Err(error) => Err(ReceiveError::Garbled(text, error)),
        }
    }

    /// The next event.
    pub fn event(&mut self, deadline: Duration) -> Result<Event<'static>> {
        loop {
            let received = self.next(deadline)?;
            match received.message {
                Message::Event(event) => return Ok(event),
                Message::Heartbeat { .. } => {}
                _ => anyhow::bail!("expected an event, got {}", received.text),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    fn connected() -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Client::new(stream), listener.accept().unwrap().0)
    }

    #[test]
    fn half_a_line_is_kept_for_later() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"{\"mis").unwrap();
        let silent = client.next(Duration::from_millis(50));
        assert!(matches!(silent, Err(ReceiveError::Silent(_))), "{silent:?}");
        agent.write_all(b"sed\":1,\"lost\":0}\n").unwrap();
        drop(agent);
        let received = client.next(DEADLINE).unwrap();
        assert!(matches!(received.message, Message::Missed(_)), "{received}");
        assert!(matches!(client.next(DEADLINE), Err(ReceiveError::Closed)));
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"220 ready\n").unwrap();
        let error = client.next(DEADLINE).unwrap_err();
        assert!(error.to_string().contains("220 ready"), "{error}");
    }
}
