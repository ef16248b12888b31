// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of the agent in the guest: JSON lines over TCP.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

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

const BROKEN: &str = "the connection to the agent failed";

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
    pub fn connect(agent: SocketAddr) -> Result<Self> {
        Self::greet(TcpStream::connect(agent).context(BROKEN)?)
    }

    /// Like [`Client::connect`], on an existing connection.
    pub fn greet(mut stream: TcpStream) -> Result<Self> {
        stream.write_all(b"{}\n").context(BROKEN)?;
        let mut client = Self::new(stream);
        match client.next(HELLO_TIMEOUT)?.message {
            Message::Hello { .. } => Ok(client),
            other => bail!("the agent sent no hello, but {other:?}"),
        }
    }

    fn new(stream: TcpStream) -> Self {
        Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
        }
    }

    /// Waits up to `timeout` for the next line.
    pub fn next(&mut self, timeout: Duration) -> Result<Received> {
        self.next_since(Instant::now(), timeout)
    }

    /// Waits for the next line until `timeout` after `started`.
    fn next_since(&mut self, started: Instant, timeout: Duration) -> Result<Received> {
        while !self.line.ends_with(b"\n") {
            let left = timeout.saturating_sub(started.elapsed());
            ensure!(
                !left.is_zero(),
                "the expected message did not arrive within {} s",
                timeout.as_secs_f32()
            );
            let stream = self.stream.get_ref();
            stream.set_read_timeout(Some(left)).context(BROKEN)?;
            match self.stream.read_until(b'\n', &mut self.line) {
                Ok(0) => bail!("the agent closed the connection"),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Err(error).context(BROKEN);
                }
                _ => {}
            }
        }
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let message = serde_json::from_str::<Message>(&text).map(Message::into_owned);
        let message =
            message.with_context(|| format!("the agent sent an invalid line: {text:?}"))?;
        Ok(Received { text, message })
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
            let received = self.next_since(started, timeout)?;
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
            _ => bail!("expected an event, got {received}"),
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
        let partial = client.next(Duration::from_millis(50)).unwrap_err();
        assert!(partial.to_string().ends_with("within 0.05 s"), "{partial}");
        agent.write_all(b"sed\":1,\"lost\":0}\n").unwrap();
        drop(agent);
        let received = client.next(TIMEOUT).unwrap();
        assert!(matches!(received.message, Message::Missed(_)), "{received}");
        let end = client.next(TIMEOUT).unwrap_err();
        assert_eq!(end.to_string(), "the agent closed the connection");
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
