// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of the agent in the guest: JSON lines over TCP.

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
    /// The line without its end.
    pub text: String,
    /// The parsed line.
    pub message: Message<'static>,
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Errors of receiving a line.
#[derive(Debug, Error)]
pub enum ReceiveError {
    /// The expected message did not arrive in time.
    #[error("the expected message did not arrive within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The agent closed the connection.
    #[error("the agent closed the connection")]
    Closed,
    /// The connection failed.
    #[error("the connection to the agent failed")]
    Broken(#[source] io::Error),
    /// A line that is not a message.
    #[error("the agent sent an invalid line: {0:?}")]
    Garbled(String, #[source] serde_json::Error),
    /// A message other than a hello.
    #[error("the agent sent no hello, but {0}")]
    Unexpected(String),
}

/// Time limit for the agent's hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to the agent.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Client {
    /// Connects and waits for the agent's hello: the client receives every later event. A connection alone is not
    /// enough, since QEMU accepts it for the guest.
    pub fn connect(agent: SocketAddr) -> Result<Self, ReceiveError> {
        Self::greet(TcpStream::connect(agent).map_err(ReceiveError::Broken)?)
    }

    /// Like [`Client::connect`], on an existing connection.
    pub fn greet(mut stream: TcpStream) -> Result<Self, ReceiveError> {
        stream.write_all(b"{}\n").map_err(ReceiveError::Broken)?;
        let mut client = Self::new(stream);
        match client.next(HELLO_TIMEOUT)?.message {
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

    /// Waits up to `timeout` for the next line.
    pub fn next(&mut self, timeout: Duration) -> Result<Received, ReceiveError> {
        let started = Instant::now();
        while !self.line.ends_with(b"\n") {
            let left = timeout
                .checked_sub(started.elapsed())
                .filter(|left| !left.is_zero())
                .ok_or(ReceiveError::Timeout(timeout))?;
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

    /// Waits up to `timeout` for a message of which `choose` makes something. Messages that it ignores, such as
    /// heartbeats, do not extend the time.
    pub fn find<T>(
        &mut self,
        timeout: Duration,
        mut choose: impl FnMut(&Received) -> Result<Option<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            let received = self.next(left).map_err(|error| match error {
                ReceiveError::Timeout(_) => ReceiveError::Timeout(timeout),
                error => error,
            })?;
            if let Some(chosen) = choose(&received)? {
                return Ok(chosen);
            }
        }
    }

    /// Waits up to `timeout` for the next event. Ignores heartbeats; other messages are an error.
    pub fn event(&mut self, timeout: Duration) -> Result<Event<'static>> {
        self.find(timeout, |received| match &received.message {
            Message::Event(event) => Ok(Some(event.clone())),
            Message::Heartbeat { .. } => Ok(None),
            _ => anyhow::bail!("expected an event, got {received}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn connected() -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Client::new(stream), listener.accept().unwrap().0)
    }

    #[test]
    fn a_partial_line_is_kept() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"{\"mis").unwrap();
        let partial = client.next(Duration::from_millis(50));
        assert!(
            matches!(partial, Err(ReceiveError::Timeout(_))),
            "{partial:?}"
        );
        agent.write_all(b"sed\":1,\"lost\":0}\n").unwrap();
        drop(agent);
        let received = client.next(TIMEOUT).unwrap();
        assert!(matches!(received.message, Message::Missed(_)), "{received}");
        assert!(matches!(client.next(TIMEOUT), Err(ReceiveError::Closed)));
    }

    #[test]
    fn heartbeats_do_not_extend_the_wait_for_an_event() {
        let (mut client, mut agent) = connected();
        let beats = std::thread::spawn(move || {
            while agent.write_all(b"{\"heartbeat\":1}\n").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let error = client.event(Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().ends_with("within 0.2 s"), "{error}");
        drop(client);
        beats.join().unwrap();
    }

    #[test]
    fn invalid_json_is_an_error() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"220 ready\n").unwrap();
        let error = client.next(TIMEOUT).unwrap_err();
        assert!(error.to_string().contains("220 ready"), "{error}");
    }
}
