// SPDX-License-Identifier: MIT OR Apache-2.0
//! The listening sockets, by address: a restarted sink reuses its socket, so that no client is rejected meanwhile.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use anyhow::{Context as _, Result};
use socket2::{Domain, Socket};

use super::{
    Address, Endpoint,
    address::is_loopback,
    shared::{Credentials, Shared},
    systemd,
    unix::SocketFile,
};

/// All listening sockets. Clones share them.
#[derive(Clone, Debug)]
pub struct Sockets(Arc<Mutex<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    bound: Vec<(Address, Weak<Bound>)>,
    endpoints: Vec<Weak<Shared>>,
}

/// Reloaded certificates and tokens, to be installed by [`Refresh::commit`].
#[must_use]
pub struct Refresh(Vec<(Arc<Shared>, Credentials)>);

/// A listening socket.
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
    /// Reloads the certificates and tokens of the remaining endpoints.
    ///
    /// # Errors
    ///
    /// A file is invalid. All endpoints keep their credentials.
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

    /// Whether the files of the endpoint's Unix sockets still exist.
    pub fn are_there(&self, endpoint: &Endpoint) -> bool {
        let mut listen = endpoint.listen.iter();
        listen
            .all(|address| !matches!(address, Address::Unix(_)) || !self.bound(address).is_empty())
    }

    /// The sockets already bound to `address`.
    pub(super) fn bound(&self, address: &Address) -> Vec<Arc<Bound>> {
        let registry = self.registry();
        let same = registry.bound.iter().filter(|(bound, _)| bound == address);
        same.filter_map(|(_, bound)| bound.upgrade())
            .filter(|bound| bound.file.as_ref().is_none_or(SocketFile::is_there))
            .collect()
    }

    /// Shares bound sockets for as long as they are used.
    pub(super) fn keep(&self, address: &Address, bound: Vec<Bound>) -> Vec<Arc<Bound>> {
        let bound: Vec<_> = bound.into_iter().map(Arc::new).collect();
        let mut registry = self.registry();
        registry.bound.retain(|(_, bound)| bound.strong_count() > 0);
        // Each section with a port chosen by the system gets its own.
        if !address.has_any_port() {
            let weak = bound
                .iter()
                .map(|bound| (address.clone(), Arc::downgrade(bound)));
            registry.bound.extend(weak);
        }
        bound
    }

    /// Whether the agent itself listens on this port, on any address.
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
    /// Installs the credentials. Evicts clients whose token or CA was removed.
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

    /// A duplicate of the socket.
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
