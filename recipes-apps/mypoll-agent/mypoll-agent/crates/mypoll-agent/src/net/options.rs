// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options of sockets that bound what peers cost, also those that stall or vanish.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use super::Endpoint;

/// How many connections wait to be accepted; the system may have a lower limit (net.core.somaxconn).
pub(super) const BACKLOG: i32 = 1024;

/// Of any connection.
pub(super) fn bound_buffer(socket: &SockRef<'_>, endpoint: &Endpoint) -> io::Result<()> {
    socket.set_send_buffer_size(endpoint.send_buffer)
}

/// Of a TCP connection.
pub(super) fn bound_tcp(socket: &SockRef<'_>, endpoint: &Endpoint) -> io::Result<()> {
    bound_buffer(socket, endpoint)?;
    socket.set_tcp_nodelay(true)?;
    // What the peer's window has no room for should stay where it can still be skipped.
    let unsent = u32::try_from(endpoint.send_buffer / 4).unwrap_or(u32::MAX);
    socket.set_tcp_notsent_lowat(unsent)?;
    // Ends a connection on which data, or a question whether the peer still lives, goes without an answer. A buffer that
    // the peer doesn't empty counts, too.
    socket.set_tcp_user_timeout(Some(endpoint.peer_timeout))?;
    let part = |of: u32| (endpoint.peer_timeout / of).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(part(2))
        .with_interval(part(6))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}
