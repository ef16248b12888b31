// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as lines of JSON, over TCP, TLS and Unix sockets.

mod filter;
mod input;
mod outgoing;
mod session;
mod timer;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{Context, Run};
use crate::{
    command::Commands,
    config::{table::Table, value},
    journal::Journal,
    status::{Counter, Reporter},
};

/// `[[stream]]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    #[serde(deserialize_with = "value::address")]
    pub listen: SocketAddr,
    /// For how long nothing is sent before a heartbeat is; "0s" for never. Default: 30 s.
    #[serde(deserialize_with = "value::duration_or_never")]
    pub heartbeat: Option<Duration>,
}

impl Table for Config {
    const EXPECTED: &str = "a table headed `[[stream]]`";
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 7070).into(),
            heartbeat: Some(Duration::from_secs(30)),
        }
    }
}

/// What the clients of a listener share.
struct Shared {
    journal: Journal,
    commands: Commands,
    heartbeat: Option<Duration>,
    counters: Counters,
    /// Keeps the counters where they are seen.
    _reporter: Reporter,
}

/// What is counted.
struct Counters {
    /// Clients that are there.
    clients: Counter,
    /// Clients that have ever been there.
    connected: Counter,
    /// Events that were given to the connections.
    events: Counter,
    /// Events that clients were told they can't get any more.
    missed: Counter,
    /// Bytes that were given to the connections.
    bytes: Counter,
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights {
    /// Give orders.
    control: bool,
}

impl Config {
    /// What the log calls it.
    pub fn name(&self) -> String {
        format!("stream {}", self.listen)
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// The configuration is refused.
    pub fn prepare(&self, context: &Context) -> Result<Run> {
        let listener = std::net::TcpListener::bind(self.listen)
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        info!("listening on {}", listener.local_addr()?);
        let reporter = context.status.reporter(self.name());
        let shared = Arc::new(Shared {
            journal: context.journal.clone(),
            commands: context.commands.clone(),
            heartbeat: self.heartbeat,
            counters: Counters {
                clients: reporter.counter("clients"),
                connected: reporter.counter("connected"),
                events: reporter.counter("events"),
                missed: reporter.counter("missed"),
                bytes: reporter.counter("bytes"),
            },
            _reporter: reporter,
        });
        Ok(Box::new(move |stop| Box::pin(run(listener, shared, stop))))
    }
}

impl Shared {
    fn rights_of(&self, _token: Option<&str>) -> Result<Rights, String> {
        Ok(Rights { control: false })
    }
}

async fn run(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let mut clients = JoinSet::new();
    let ended = shared.journal.ended();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = &mut ended => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                let stop = stop.clone();
                clients.spawn(async move {
                    debug!(%peer, "connected");
                    shared.counters.clients.add(1);
                    shared.counters.connected.add(1);
                    let rights = Some(Rights { control: false });
                    match session::serve(stream, &shared, rights, &stop).await {
                        Ok(()) => debug!(%peer, "took everything"),
                        Err(reason) => debug!(%peer, %reason, "left"),
                    }
                    shared.counters.clients.subtract(1);
                });
            }
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// The beginning of what a client wrote, for an error line.
fn quote(text: &[u8]) -> String {
    const CHARACTERS: usize = 80;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * CHARACTERS)]);
    let quoted: String = text
        .chars()
        .take(CHARACTERS)
        .flat_map(char::escape_debug)
        .collect();
    let whole = text.chars().count() <= CHARACTERS;
    quoted + if whole { "" } else { "…" }
}
