// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events as JSON lines, over TCP, TLS and Unix sockets.

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
        /// Time without other data after which a heartbeat is sent; "0s" for never. Default: 30 s.
        #[serde(deserialize_with = "value::duration_or_never")]
        pub heartbeat: Option<Duration> = Some(Duration::from_secs(30)),
    }
}

/// State shared by the clients of a listener.
struct Shared {
    journal: Journal,
    commands: Commands,
    status: Status,
    heartbeat: Option<Duration>,
    counters: Counters,
    /// Keeps the counters registered.
    _reporter: Reporter,
}

/// The sink's counters.
struct Counters {
    /// Connected clients.
    clients: Counter,
    /// All clients so far.
    connected: Counter,
    /// Events written to connections.
    events: Counter,
    /// Events that clients missed.
    missed: Counter,
    /// Bytes written to connections.
    bytes: Counter,
}

impl Config {
    /// Its name in the log.
    pub fn name(&self) -> String {
        format!("stream {}", self.endpoint.name())
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// The configuration is rejected.
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
            // Accept connections before handling the end: a client that connected before an event gets it.
            biased;
            () = stop.cancelled() => break,
            connection = listeners.accept() => {
                log.connected();
                // Before its task runs, so that it gets everything from now on.
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

/// Serves a client to its end.
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
        Ok(()) => debug!(%peer, "received everything"),
        Err(reason) => debug!(%peer, %reason, "left"),
    }
    shared.counters.clients.subtract(1);
}
