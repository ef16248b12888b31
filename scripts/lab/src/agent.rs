// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client of the guest's agent: JSON lines over TCP.

use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use thiserror::Error;

use crate::guest::Guest;

/// An event as the agent sends it; docs/interface.md says what the fields mean.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs)]
pub struct Event {
    pub event: u32,
    pub source: String,
    pub kind: String,
    pub line: u32,
    pub label: Option<String>,
    pub value: u32,
    pub lost: u32,
    pub timestamp_ns: u64,
}

/// What the agent can say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// This client was too slow, and so many events are missing here.
    Missed {
        /// How many.
        missed: u64,
        /// How many the driver dropped before them.
        lost: u64,
    },
}

/// A line from the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The line as it came, without its end.
    pub text: String,
    /// What it says.
    pub message: Message,
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
    /// A line that says nothing known.
    #[error("the agent sent {0:?}")]
    Garbled(String, #[source] serde_json::Error),
}

/// A connection to the agent.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Client {
    /// Connects. QEMU answers for the guest: only [`settle`] tells when the agent knows of this client.
    pub fn connect(agent: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(agent).map(Self::from)
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
        match serde_json::from_str(&text) {
            Ok(message) => Ok(Received { text, message }),
            Err(error) => Err(ReceiveError::Garbled(text, error)),
        }
    }

    /// The next event.
    pub fn event(&mut self, deadline: Duration) -> Result<Event> {
        let received = self.next(deadline)?;
        match received.message {
            Message::Event(event) => Ok(event),
            Message::Missed { .. } => anyhow::bail!("expected an event, got {}", received.text),
        }
    }
}

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
        }
    }
}

/// Waits until the agent serves all `clients`, and they have read what there was: triggers an event until each got it.
pub fn settle(guest: &Guest, clients: &mut [Client]) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const TRIES: usize = 60;
    const TRIGGER: &str =
        "echo trigger >/dev/mypoll && sed -n 's/^event_sequence=//p' /sys/class/misc/mypoll/stats";
    for _ in 0..TRIES {
        let output = guest.output(["sh", "-c", TRIGGER])?;
        ensure!(
            output.status == 0,
            "can't trigger an event in the guest: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let number: u32 = String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .context("the driver's statistics have no event_sequence")?;
        let mut all = true;
        for client in &mut *clients {
            all &= loop {
                match client.next(PATIENCE) {
                    Ok(Received {
                        message: Message::Event(event),
                        ..
                    }) if event.event == number => break true,
                    Ok(_) => {}
                    Err(ReceiveError::Silent(_)) => break false,
                    Err(error) => return Err(error.into()),
                }
            };
        }
        if all {
            return Ok(());
        }
    }
    Err(ReceiveError::Silent(PATIENCE * TRIES as u32).into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    fn connected() -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn events_and_gaps_are_told_apart() {
        let (mut client, mut agent) = connected();
        let event = r#"{"event":26,"source":"gpio","kind":"rising","line":1,"label":"door","value":1,"lost":0,"timestamp_ns":48213377104}"#;
        write!(agent, "{event}\n{{\"missed\":7,\"lost\":3}}\n").unwrap();
        drop(agent);
        let received = client.next(DEADLINE).unwrap();
        assert_eq!(received.text, event);
        let expected = Event {
            event: 26,
            source: "gpio".to_owned(),
            kind: "rising".to_owned(),
            line: 1,
            label: Some("door".to_owned()),
            value: 1,
            lost: 0,
            timestamp_ns: 48_213_377_104,
        };
        assert_eq!(received.message, Message::Event(expected));
        let received = client.next(DEADLINE).unwrap();
        assert_eq!(received.message, Message::Missed { missed: 7, lost: 3 });
        assert!(matches!(client.next(DEADLINE), Err(ReceiveError::Closed)));
    }

    #[test]
    fn half_a_line_is_kept_for_later() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"{\"mis").unwrap();
        let silent = client.next(Duration::from_millis(50));
        assert!(matches!(silent, Err(ReceiveError::Silent(_))), "{silent:?}");
        agent.write_all(b"sed\":1,\"lost\":0}\n").unwrap();
        let received = client.next(DEADLINE).unwrap();
        assert_eq!(received.message, Message::Missed { missed: 1, lost: 0 });
    }

    #[test]
    fn an_unknown_line_is_an_error() {
        let (mut client, mut agent) = connected();
        agent.write_all(b"{\"error\":\"64 clients\"}\n").unwrap();
        let error = client.next(DEADLINE).unwrap_err();
        assert!(error.to_string().contains("64 clients"), "{error}");
    }
}
