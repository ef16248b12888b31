// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accepting connections, whatever goes wrong with it.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result, bail};
use tokio::{net::TcpListener, sync::Semaphore};
use tracing::warn;

use super::{Address, Connection, Endpoint, Gate, Peer, Role, Stream};
use crate::sink::Context;

/// Listens on all addresses of an [`Endpoint`].
pub struct Listeners {
    listeners: Vec<TcpListener>,
    endpoint: Endpoint,
    places: Arc<Semaphore>,
}

impl Listeners {
    pub(super) fn prepare(endpoint: &Endpoint, _context: &Context) -> Result<Self> {
        let mut listeners = Vec::new();
        for address in &endpoint.listen {
            let Address::Ip(ip) = address else {
                bail!("listen: {address}: not yet");
            };
            let listen = || {
                let listener = std::net::TcpListener::bind(ip)?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            };
            listeners
                .push(listen().with_context(|| format!("cannot listen on {address} (listen)"))?);
        }
        Ok(Self {
            listeners,
            endpoint: endpoint.clone(),
            places: Arc::new(Semaphore::new(endpoint.max_clients)),
        })
    }

    /// The addresses that are listened on, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Waits for the next connection. Dropping the future loses none.
    pub async fn accept(&mut self) -> Connection {
        loop {
            match self.accept_one().await {
                Ok((stream, peer)) => {
                    return Connection {
                        stream: Stream(stream),
                        gate: Gate {
                            peer: Peer::Tcp(peer),
                            tls: false,
                            role: match self.endpoint.control {
                                Some(true) => Role::Control,
                                _ => Role::Read,
                            },
                            limit: self.endpoint.max_clients,
                            places: self.places.clone(),
                            place: Arc::default(),
                        },
                    };
                }
                Err(error) => warn!("cannot accept: {error}"),
            }
        }
    }

    async fn accept_one(&self) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
        std::future::poll_fn(|context| {
            for listener in &self.listeners {
                if let std::task::Poll::Ready(result) = listener.poll_accept(context) {
                    return std::task::Poll::Ready(result);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}
