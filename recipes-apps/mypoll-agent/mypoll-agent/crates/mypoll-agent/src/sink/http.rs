// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sink `http`: a live page, server-sent events, the state of the lines, metrics, and orders.

mod answer;
mod config;
mod events;
mod guard;
mod metrics;
mod orders;
mod page;
mod query;
mod route;
mod server;
mod state;

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Run;
use crate::{
    context::Context,
    net::{Connection, Listeners},
    status::{Counter, Reporter},
};
use guard::Guard;
use server::Server;

pub use config::Config;

/// Time limit for the head of a request, and for an idle connection.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Maximum size of the head, in bytes.
const HEAD: usize = 16 * 1024;

impl Config {
    /// Its name in the log.
    pub fn name(&self) -> String {
        format!("http {}", self.endpoint.name())
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// The configuration is rejected; the error names the key.
    pub fn prepare(&self, context: &Context) -> anyhow::Result<Run> {
        let listeners = self.endpoint.prepare(context)?;
        let name = self.name();
        let context = context.clone();
        let guard = Guard {
            hosts: self.hosts.clone(),
            origins: self.origins.clone(),
        };
        let orders = self.orders.clone();
        Ok(Box::new(move |stop| {
            Box::pin(async move {
                let reporter = context.status.reporter(name);
                let server = Server {
                    guard,
                    orders,
                    requests: reporter.counter("requests"),
                    events: reporter.counter("events"),
                    missed: reporter.counter("missed"),
                    context,
                };
                let counters = Counters {
                    clients: reporter.counter("clients"),
                    connected: reporter.counter("connected"),
                    _reporter: reporter,
                };
                serve(listeners, server, counters, stop).await;
            })
        }))
    }
}

/// The sink's counters.
struct Counters {
    /// Open connections.
    clients: Counter,
    /// All connections so far.
    connected: Counter,
    /// Keeps the counters registered.
    _reporter: Reporter,
}

/// Accepts clients until the journal ends, and serves each to its end.
async fn serve(
    mut listeners: Listeners,
    server: Server,
    counters: Counters,
    stop: CancellationToken,
) {
    let journal = server.context.journal.clone();
    let server = Arc::new(server);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            connection = listeners.accept() => {
                counters.clients.add(1);
                counters.connected.add(1);
                let (server, clients) = (Arc::clone(&server), counters.clients.clone());
                connections.spawn(async move {
                    converse(connection, &server).await;
                    clients.subtract(1);
                });
            }
            Some(_) = connections.join_next() => {}
            () = journal.ended() => break,
        }
    }
    drop(listeners);
    let ended = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = ended => {}
        () = stop.cancelled() => {}
    }
}

/// Serves one connection until the client disconnects, or the journal has ended and the response was sent.
async fn converse(connection: Connection, server: &Server) {
    let Connection { stream, gate } = connection;
    let peer = gate.peer().clone();
    debug!(%peer, "connected");
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(server.answer(request, &gate).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_header_size(HEAD)
        .max_buf_size(2 * HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = server.context.journal.ended() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match outcome {
        Ok(()) => debug!(%peer, "left"),
        Err(reason) => debug!(%peer, %reason, "left"),
    }
}
