// SPDX-License-Identifier: MIT OR Apache-2.0
//! Socket options that limit the cost of peers, including stalled and vanished ones.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use super::Endpoint;

/// Maximum number of connections to be accepted; the system may have a lower limit (net.core.somaxconn).
pub(super) const BACKLOG: i32 = 1024;

/// Options for all connections.
pub(super) fn bound_buffer(socket: &SockRef<'_>, endpoint: &Endpoint) -> io::Result<()> {
    socket.set_send_buffer_size(endpoint.send_buffer)
}

/// Options for TCP connections.
pub(super) fn bound_tcp(socket: &SockRef<'_>, endpoint: &Endpoint) -> io::Result<()> {
    bound_buffer(socket, endpoint)?;
    socket.set_tcp_nodelay(true)?;
    // Events that exceed the peer's window should stay in the journal, where they can still be skipped.
    let unsent = u32::try_from(endpoint.send_buffer / 4).unwrap_or(u32::MAX);
    socket.set_tcp_notsent_lowat(unsent)?;
    // Ends a connection if data or a keepalive probe is not acknowledged, or if the peer's window stays closed.
    socket.set_tcp_user_timeout(Some(endpoint.peer_timeout))?;
    let part = |of: u32| (endpoint.peer_timeout / of).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(part(2))
        .with_interval(part(6))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}
