// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accepting connections, whatever goes wrong with it.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tracing::{info, warn};

use crate::deadline;

/// How long to leave the listener alone after it failed for want of descriptors or memory.
const PAUSE: Duration = Duration::from_secs(1);

/// A listener that survives errors. The system reports some over and over while they last (EMFILE), so it pauses.
pub(crate) struct Listener {
    listener: TcpListener,
    paused_until: Option<Instant>,
}

impl Listener {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            paused_until: None,
        }
    }

    /// Waits for a connection. Dropping the future loses none and doesn't shorten the pause.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if self.paused_until.is_some() {
                deadline::reached(self.paused_until).await;
            }
            match self.listener.accept().await {
                Ok(connection) => {
                    if self.paused_until.take().is_some() {
                        info!("accepting connections again");
                    }
                    return connection;
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    if self.paused_until.is_none() {
                        warn!(%error, "cannot accept connections; trying again every {PAUSE:?}");
                    }
                    self.paused_until = Some(Instant::now() + PAUSE);
                }
            }
        }
    }
}

/// Whether the error took the connection with it, so that the next one can be accepted at once (see accept(2)).
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PermissionDenied
    )
}
