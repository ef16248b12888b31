// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets that the agent listens on, by their addresses: a sink that is started anew goes on with the same socket,
//! and no client is turned away meanwhile.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Socket};

use super::{
    Address, Endpoint,
    address::is_loopback,
    shared::{Credentials, Shared},
    systemd,
    unix::SocketFile,
};

/// All of them. A clone is another handle.
#[derive(Clone, Debug)]
pub struct Sockets(Arc<Mutex<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    bound: Vec<(Address, Weak<Bound>)>,
    endpoints: Vec<Weak<Shared>>,
}

/// Certificates and tokens that were read again, to be taken by [`Refresh::commit`].
#[must_use]
pub struct Refresh(Vec<(Arc<Shared>, Credentials)>);

/// A socket that is listened on.
#[derive(Debug)]
pub(super) struct Bound {
    socket: Socket,
    file: Option<SocketFile>,
}

impl Default for Sockets {
    fn default() -> Self {
        systemd::take();
        Self(Arc::default())
    }
}

impl Sockets {
    /// Refuses sections that listen on the same address.
    ///
    /// # Errors
    ///
    /// Two do.
    pub fn distinct<'a>(endpoints: impl IntoIterator<Item = &'a Endpoint>) -> Result<()> {
        let mut seen: Vec<&Address> = Vec::new();
        for address in endpoints.into_iter().flat_map(|endpoint| &endpoint.listen) {
            if seen.contains(&address) && !address.has_any_port() {
                bail!("two sections listen on {address}: give each one its own");
            }
            seen.push(address);
        }
        Ok(())
    }

    /// Reads the certificates and tokens of those endpoints again that stay.
    ///
    /// # Errors
    ///
    /// One is broken. All go on with those that they have.
    pub fn refresh<'a>(&self, stay: impl IntoIterator<Item = &'a Endpoint>) -> Result<Refresh> {
        let mut refreshed = Vec::new();
        let endpoints: Vec<_> = {
            let registry = self.registry();
            registry
                .endpoints
                .iter()
                .filter_map(Weak::upgrade)
                .collect()
        };
        for endpoint in stay {
            for shared in endpoints
                .iter()
                .filter(|shared| shared.endpoint == *endpoint)
            {
                let credentials = Credentials::read(endpoint).context(endpoint.name())?;
                refreshed.push((shared.clone(), credentials));
            }
        }
        Ok(Refresh(refreshed))
    }

    pub(super) fn register(&self, shared: &Arc<Shared>) {
        let mut registry = self.registry();
        registry
            .endpoints
            .retain(|shared| shared.strong_count() > 0);
        registry.endpoints.push(Arc::downgrade(shared));
    }

    /// Whether clients can still find the endpoint's Unix sockets: their files may have been removed.
    pub fn are_there(&self, endpoint: &Endpoint) -> bool {
        let mut listen = endpoint.listen.iter();
        listen
            .all(|address| !matches!(address, Address::Unix(_)) || !self.bound(address).is_empty())
    }

    /// What is bound to `address` already.
    pub(super) fn bound(&self, address: &Address) -> Vec<Arc<Bound>> {
        let registry = self.registry();
        let same = registry.bound.iter().filter(|(bound, _)| bound == address);
        same.filter_map(|(_, bound)| bound.upgrade())
            .filter(|bound| bound.file.as_ref().is_none_or(SocketFile::is_there))
            .collect()
    }

    /// Keeps what was bound for as long as it is used.
    pub(super) fn keep(&self, address: &Address, bound: Vec<Bound>) -> Vec<Arc<Bound>> {
        let bound: Vec<_> = bound.into_iter().map(Arc::new).collect();
        let mut registry = self.registry();
        registry.bound.retain(|(_, bound)| bound.strong_count() > 0);
        // Each section that lets the system choose a port gets another one.
        if !address.has_any_port() {
            let weak = bound
                .iter()
                .map(|bound| (address.clone(), Arc::downgrade(bound)));
            registry.bound.extend(weak);
        }
        bound
    }

    /// Whether the agent itself listens on this port, on whatever address.
    pub(super) fn has_port_of(&self, address: &Address) -> bool {
        let Some(port) = address.port() else {
            return false;
        };
        let registry = self.registry();
        let mut live = registry
            .bound
            .iter()
            .filter_map(|(_, bound)| bound.upgrade());
        live.any(|bound| bound.port() == Some(port))
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refresh {
    /// Takes what was read. Clients whose token is gone, or whose certificate's issuers changed, are sent away.
    pub fn commit(self) {
        for (shared, credentials) in self.0 {
            shared.renew(credentials);
        }
    }
}

impl Bound {
    pub(super) fn new(socket: Socket, file: Option<SocketFile>) -> Self {
        Self { socket, file }
    }

    /// Another descriptor of the socket.
    pub(super) fn socket(&self) -> io::Result<Socket> {
        self.socket.try_clone()
    }

    pub(super) fn file(&self) -> Option<&SocketFile> {
        self.file.as_ref()
    }

    pub(super) fn is_unix(&self) -> bool {
        self.socket
            .domain()
            .is_ok_and(|domain| domain == Domain::UNIX)
    }

    /// Whether only this machine can connect.
    pub(super) fn is_local(&self) -> bool {
        let ip = self
            .socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
        self.is_unix() || ip.is_some_and(|ip| is_loopback(ip.ip()))
    }

    fn port(&self) -> Option<u16> {
        Some(self.socket.local_addr().ok()?.as_socket()?.port())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(address) = self.socket.local_addr() else {
            return f.write_str("a socket");
        };
        match (address.as_socket(), address.as_pathname()) {
            (Some(ip), _) => ip.fmt(f),
            (None, Some(path)) => write!(f, "unix:{}", path.display()),
            (None, None) => f.write_str("a Unix socket"),
        }
    }
}
