// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that read, all in one thread.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use memchr::memmem;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::sender::now_ns;

/// Precedes the stamp in each event; a quote follows the stamp.
pub const STAMP: &[u8] = b"\"timestamp_ns\":\"";

/// The result.
pub struct Received {
    /// For each event the time from its stamp until the last client has read it, in nanoseconds.
    pub latencies: Vec<u64>,
    /// Events that clients did not get, over all clients.
    pub missing: u64,
}

/// Clients that read until all events have arrived, or nothing arrives for a while after the last was sent.
pub struct Receivers {
    thread: JoinHandle<Result<Received>>,
    sent: Arc<AtomicBool>,
}

/// Time without data after which the rest counts as missing.
const SILENCE: Duration = Duration::from_secs(3);

struct Client {
    stream: TcpStream,
    /// An incomplete event.
    partial: Vec<u8>,
    events: usize,
}

impl Receivers {
    /// Reads `events` events on each stream.
    pub fn start(streams: Vec<TcpStream>, events: usize) -> Self {
        let sent = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let sent = Arc::clone(&sent);
            move || receive(streams, events, &sent)
        });
        Self { thread, sent }
    }

    /// To be called when everything is sent; waits for the rest.
    pub fn finish(self) -> Result<Received> {
        self.sent.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the receivers failed")?
    }
}

fn receive(streams: Vec<TcpStream>, events: usize, sent: &AtomicBool) -> Result<Received> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut clients = Vec::new();
    for (index, stream) in streams.into_iter().enumerate() {
        stream.set_nonblocking(true)?;
        epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))?;
        clients.push(Client {
            stream,
            partial: Vec::new(),
            events: 0,
        });
    }
    let mut latencies = vec![0; events];
    let mut outstanding = clients.len() * events;
    let mut ready = vec![EpollEvent::empty(); clients.len()];
    let mut buffer = vec![0; 256 << 10];
    let mut last = Instant::now();
    while outstanding > 0 {
        let count = epoll.wait(&mut ready, EpollTimeout::from(100_u16))?;
        if count > 0 {
            last = Instant::now();
        } else if sent.load(Ordering::Relaxed) && last.elapsed() > SILENCE {
            break;
        }
        for event in &ready[..count] {
            let client = &mut clients[event.data() as usize];
            match client.stream.read(&mut buffer) {
                Ok(0) => epoll.delete(&client.stream)?,
                Ok(count) => outstanding -= client.take(&buffer[..count], &mut latencies),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Received {
        latencies,
        missing: outstanding as u64,
    })
}

impl Client {
    /// Processes received data; returns the number of completed events.
    fn take(&mut self, bytes: &[u8], latencies: &mut [u64]) -> usize {
        let now = now_ns();
        self.partial.extend_from_slice(bytes);
        let mut rest = &self.partial[..];
        let before = self.events;
        while let Some(start) = memmem::find(rest, STAMP) {
            let digits = &rest[start + STAMP.len()..];
            let Some(end) = digits.iter().position(|byte| *byte == b'"') else {
                break;
            };
            let stamp = digits[..end]
                .iter()
                .fold(0, |stamp, digit| stamp * 10 + u64::from(digit - b'0'));
            if let Some(latency) = latencies.get_mut(self.events) {
                *latency = (*latency).max(now.saturating_sub(stamp));
                self.events += 1;
            }
            rest = &digits[end + 1..];
        }
        let kept = rest.len().min(1024);
        let kept = rest[rest.len() - kept..].to_vec();
        self.partial = kept;
        self.events - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_across_reads() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut client = Client {
            stream,
            partial: Vec::new(),
            events: 0,
        };
        let mut latencies = [0; 2];
        let text = br#"{"event":1,"timestamp_ns":"5"}{"event":2,"timestamp_ns":"70"}"#;
        let events: usize = text
            .chunks(7)
            .map(|part| client.take(part, &mut latencies))
            .sum();
        assert_eq!(events, 2);
        assert!(latencies.iter().all(|latency| *latency > 0));
    }
}
