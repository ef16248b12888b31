// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accepts connections, and survives all errors.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
    time::{self, Instant},
};
use tracing::{debug, info, warn};

use super::{
    Address, Connection, Endpoint, Gate, Peer, Stream, bind,
    connection::Layer,
    notices::Notice,
    options,
    raw::{Raw, Socket, WrongProtocol},
    shared::Shared,
    sockets::{Bound, Sockets},
    tls::Acceptor,
};
use crate::{
    context::Context,
    status::{Condition, Status},
};

/// Pause after accepting failed for lack of descriptors or memory.
const PAUSE: Duration = Duration::from_secs(1);

/// Time limit for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// First and longest pause before listening is retried.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Listens on all addresses of an [`Endpoint`].
pub struct Listeners {
    shared: Arc<Shared>,
    sockets: Sockets,
    status: Status,
    listeners: Vec<Listener>,
    /// Addresses that wait for name resolution, or for another sink to end.
    waiting: Vec<Address>,
    binding: JoinSet<Vec<Arc<Bound>>>,
    handshakes: JoinSet<Option<Connection>>,
    /// The listener to poll first, for fairness.
    next: usize,
    paused_until: Option<Instant>,
    certificate_at: Option<Instant>,
    runs: bool,
}

struct Listener {
    kind: Kind,
    bound: Arc<Bound>,
}

enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listeners {
    pub(super) fn prepare(endpoint: &Endpoint, context: &Context) -> Result<Self> {
        let shared = Shared::new(endpoint)?;
        let mut listeners = Vec::new();
        let mut waiting = Vec::new();
        for address in &endpoint.listen {
            let mut bound = context.sockets.bound(address);
            if bound.is_empty() {
                match listen(address, endpoint, &context.sockets)
                    .with_context(|| format!("cannot listen on {address} (listen)"))?
                {
                    Some(new) => bound = new,
                    None => waiting.push(address.clone()),
                }
            }
            for bound in bound {
                listeners.push(Listener::new(bound).with_context(|| address.to_string())?);
            }
        }
        context.sockets.register(&shared);
        Ok(Self {
            shared,
            sockets: context.sockets.clone(),
            status: context.status.clone(),
            listeners,
            waiting,
            binding: JoinSet::new(),
            handshakes: JoinSet::new(),
            next: 0,
            paused_until: None,
            certificate_at: None,
            runs: false,
        })
    }

    /// The IP addresses of the listeners, with the ports chosen by the system.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let tcp = self
            .listeners
            .iter()
            .filter_map(|listener| match &listener.kind {
                Kind::Tcp(listener) => listener.local_addr().ok(),
                Kind::Unix(_) => None,
            });
        tcp.collect()
    }

    /// Waits for the next connection. Dropping the future loses no connection.
    pub async fn accept(&mut self) -> Connection {
        self.run();
        loop {
            let certificate_at = self.certificate_at;
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                Some(bound) = self.binding.join_next() => {
                    for bound in bound.unwrap_or_default() {
                        self.add(bound);
                    }
                    if self.binding.is_empty() {
                        self.shared.set(Condition::Working);
                    }
                }
                (socket, peer) = incoming(
                    &self.listeners,
                    &mut self.next,
                    &mut self.paused_until,
                    &self.shared,
                ) => {
                    if let Some(connection) = self.admit(socket, peer) {
                        return connection;
                    }
                }
                () = self.shared.door.expire() => {}
                () = until(certificate_at) => self.check_certificate(),
                () = self.shared.renewed.notified() => self.check_certificate(),
            }
        }
    }

    /// Work to do once the previous users have ended.
    fn run(&mut self) {
        if std::mem::replace(&mut self.runs, true) {
            return;
        }
        let name = self.shared.endpoint.name();
        self.shared
            .report(self.status.reporter(format!("listener {name}")));
        for listener in &self.listeners {
            listener.announce(&self.shared.endpoint);
            // A reused socket may have had other permissions.
            if let Some(file) = listener.bound.file()
                && let Err(error) = file.set_permissions(&self.shared.endpoint)
            {
                warn!("{}: {error:#}", listener.bound);
            }
        }
        for address in std::mem::take(&mut self.waiting) {
            let (shared, sockets) = (self.shared.clone(), self.sockets.clone());
            self.binding.spawn(listen_later(address, shared, sockets));
        }
        self.check_certificate();
    }

    fn add(&mut self, bound: Arc<Bound>) {
        match Listener::new(bound) {
            Ok(listener) => {
                listener.announce(&self.shared.endpoint);
                self.listeners.push(listener);
            }
            Err(error) => warn!("{}: {error}", self.shared.endpoint.name()),
        }
    }

    fn check_certificate(&mut self) {
        let after = self.shared.check_certificate();
        self.certificate_at = after.map(|after| Instant::now() + after);
    }

    /// A connection that is ready. With TLS, it comes later, after the handshake.
    fn admit(&mut self, socket: Socket, peer: Peer) -> Option<Connection> {
        let endpoint = &self.shared.endpoint;
        let bounded = match &socket {
            Socket::Tcp(socket) => options::bound_tcp(&SockRef::from(socket), endpoint),
            Socket::Unix(socket) => options::bound_buffer(&SockRef::from(socket), endpoint),
        };
        if let Err(error) = bounded {
            // The peer may have gone already.
            debug!(%peer, %error, "cannot set socket options");
        }
        let ticket = self.shared.door.enter();
        let acceptor = self.shared.tls();
        let gate = Gate::new(self.shared.clone(), ticket, peer);
        let raw = Raw::new(socket, gate.clone(), acceptor.is_some());
        match acceptor {
            Some(acceptor) => {
                self.handshakes
                    .spawn(handshake(acceptor, raw, gate, endpoint.send_buffer));
                None
            }
            None => Some(Connection {
                stream: Stream(Layer::Plain(raw)),
                gate,
            }),
        }
    }
}

/// Listens at once if possible: not on names, nor on a port that the agent itself uses until another sink ends.
fn listen(
    address: &Address,
    endpoint: &Endpoint,
    sockets: &Sockets,
) -> Result<Option<Vec<Arc<Bound>>>> {
    if matches!(address, Address::Name(..)) {
        return Ok(None);
    }
    match bind::now(address, endpoint) {
        Ok(bound) => Ok(Some(sockets.keep(address, bound))),
        Err(error) if is_in_use(&error) && sockets.has_port_of(address) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Listens as soon as possible.
async fn listen_later(address: Address, shared: Arc<Shared>, sockets: Sockets) -> Vec<Arc<Bound>> {
    let mut pause = RETRY.0;
    loop {
        match bind::resolved(&address, &shared.endpoint).await {
            Ok(bound) => return sockets.keep(&address, bound),
            Err(error) => {
                let reason = format!("cannot listen on {address} yet: {error:#}");
                if shared.set(Condition::Waiting(reason.clone())) {
                    warn!("{reason}; retrying");
                }
            }
        }
        time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::AddrInUse)
}

impl Listener {
    /// Must be called within a runtime.
    fn new(bound: Arc<Bound>) -> io::Result<Self> {
        let socket = bound.socket()?;
        let kind = if bound.is_unix() {
            Kind::Unix(UnixListener::from_std(socket.into())?)
        } else {
            Kind::Tcp(TcpListener::from_std(socket.into())?)
        };
        Ok(Self { kind, bound })
    }

    fn announce(&self, endpoint: &Endpoint) {
        let bound = &self.bound;
        info!("listening on {bound}");
        let asks = endpoint.tokens.is_some()
            || endpoint
                .tls
                .as_ref()
                .is_some_and(|tls| tls.client_ca.is_some());
        if !bound.is_local() && !asks {
            let orders = match endpoint.control {
                Some(true) => ", and can send orders",
                _ => "",
            };
            warn!("anyone who reaches {bound} gets all events{orders} (insecure = true)");
        } else if !bound.is_local() && endpoint.tls.is_none() {
            warn!("tokens and events on {bound} are unencrypted (insecure = true)");
        }
    }

    fn poll(&self, context: &mut task::Context<'_>) -> Poll<io::Result<(Socket, Peer)>> {
        match &self.kind {
            Kind::Tcp(listener) => listener
                .poll_accept(context)
                .map_ok(|(stream, peer)| (Socket::Tcp(stream), Peer::Tcp(peer))),
            Kind::Unix(listener) => listener.poll_accept(context).map_ok(|(stream, _)| {
                let credentials = stream.peer_cred().ok();
                let peer = Peer::Unix {
                    user: credentials.map(|credentials| credentials.uid()),
                    process: credentials.and_then(|credentials| credentials.pid()),
                };
                (Socket::Unix(stream), peer)
            }),
        }
    }
}

/// Waits for a connection. Pauses after an error, because some errors persist (EMFILE). Dropping the future neither
/// loses a connection nor shortens the pause.
async fn incoming(
    listeners: &[Listener],
    next: &mut usize,
    paused_until: &mut Option<Instant>,
    shared: &Shared,
) -> (Socket, Peer) {
    loop {
        if let Some(end) = *paused_until {
            time::sleep_until(end).await;
        }
        shared.door.room().await;
        let accepted = std::future::poll_fn(|context| {
            for offset in 0..listeners.len() {
                let index = (*next + offset) % listeners.len();
                if let Poll::Ready(accepted) = listeners[index].poll(context) {
                    *next = index + 1;
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        });
        match accepted.await {
            Ok(accepted) => {
                if paused_until.take().is_some() {
                    info!("accepting connections again");
                }
                return accepted;
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                if paused_until.is_none() {
                    warn!(%error, "cannot accept connections; retrying every {PAUSE:?}");
                }
                *paused_until = Some(Instant::now() + PAUSE);
            }
        }
    }
}

/// Whether the error concerns only one connection, so that the next one can be accepted at once (see accept(2)).
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

/// Performs the TLS handshake, or reports why it failed.
async fn handshake(acceptor: Acceptor, raw: Raw, gate: Gate, buffer: usize) -> Option<Connection> {
    let established = acceptor.accept(raw, buffer);
    let problem = match time::timeout(HANDSHAKE, established).await {
        Ok(Ok(stream)) => {
            return Some(Connection {
                stream: Stream(Layer::Tls(Box::new(stream))),
                gate,
            });
        }
        Ok(Err(error)) => error,
        Err(_) => io::Error::other(format!("no TLS within {HANDSHAKE:?}")),
    };
    // Already reported where it was detected.
    if !problem
        .get_ref()
        .is_some_and(|inner| inner.is::<WrongProtocol>())
    {
        gate.say(
            Notice::Handshake,
            &format!("cannot establish TLS: {problem}"),
        );
    }
    None
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
