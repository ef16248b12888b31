// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as lines of JSON, over TCP, TLS and Unix sockets.

mod connections;
#[cfg(fuzzing)]
pub mod fuzz;
mod input;
mod outgoing;
mod session;
mod timer;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Run;
use crate::{
    command::Commands,
    context::Context,
    journal::{Cursor, Journal, Start},
    net::{self, Connection, Listeners},
    section::value,
    status::{Counter, Reporter, Status},
};
use connections::Connections;
use session::Access;

net::section! {
    /// `[[stream]]`
    pub struct Config("a table headed `[[stream]]`", listen = "127.0.0.1:7070") {
        /// For how long nothing is sent before a heartbeat is; "0s" for never. Default: 30 s.
        #[serde(deserialize_with = "value::duration_or_never")]
        pub heartbeat: Option<Duration> = Some(Duration::from_secs(30)),
    }
}

/// What the clients of a listener share.
struct Shared {
    journal: Journal,
    commands: Commands,
    status: Status,
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

impl Config {
    /// What the log calls it.
    pub fn name(&self) -> String {
        format!("stream {}", self.endpoint.name())
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// The configuration is refused.
    pub fn prepare(&self, context: &Context) -> Result<Run> {
        let listeners = self.endpoint.prepare(context)?;
        let (name, context, heartbeat) = (self.name(), context.clone(), self.heartbeat);
        Ok(Box::new(move |stop| {
            let shared = Shared::new(&context, heartbeat, context.status.reporter(name));
            Box::pin(run(listeners, Arc::new(shared), stop))
        }))
    }
}

impl Shared {
    fn new(context: &Context, heartbeat: Option<Duration>, reporter: Reporter) -> Self {
        Self {
            journal: context.journal.clone(),
            commands: context.commands.clone(),
            status: context.status.clone(),
            heartbeat,
            counters: Counters {
                clients: reporter.counter("clients"),
                connected: reporter.counter("connected"),
                events: reporter.counter("events"),
                missed: reporter.counter("missed"),
                bytes: reporter.counter("bytes"),
            },
            _reporter: reporter,
        }
    }
}

/// Accepts clients until the journal ends, and serves each to its end.
async fn run(mut listeners: Listeners, shared: Arc<Shared>, stop: CancellationToken) {
    let journal = shared.journal.clone();
    let mut ended = std::pin::pin!(journal.ended());
    let mut clients = JoinSet::new();
    let mut log = Connections::default();
    loop {
        tokio::select! {
            // A client that connected before an event happened gets it, so connections come before the end.
            biased;
            () = stop.cancelled() => break,
            connection = listeners.accept() => {
                log.connected();
                // Before its task runs, so that it gets all that happens from here on.
                let cursor = journal.cursor(Start::Now);
                clients.spawn(serve(connection, cursor, Arc::clone(&shared), stop.clone()));
            }
            Some(_) = clients.join_next() => log.left(),
            () = log.due() => log.write(clients.len()),
            () = &mut ended => break,
        }
    }
    drop(listeners);
    while clients.join_next().await.is_some() {}
}

/// A client from now to its end.
async fn serve(
    connection: Connection,
    cursor: Cursor,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let Connection { stream, gate } = connection;
    let peer = gate.peer();
    debug!(%peer, "connected");
    shared.counters.clients.add(1);
    shared.counters.connected.add(1);
    let access = Access {
        needs_token: gate.needs_token(),
        authorize: &|token| gate.authorize(token),
    };
    match session::serve(stream, cursor, &shared, access, &stop).await {
        Ok(()) => debug!(%peer, "took everything"),
        Err(reason) => debug!(%peer, %reason, "left"),
    }
    shared.counters.clients.subtract(1);
}
