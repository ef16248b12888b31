// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listening on an address that the machine may not have yet.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tracing::warn;

/// How many connections wait to be accepted; the system may have a lower limit (net.core.somaxconn).
const BACKLOG: u32 = 1024;

/// Listens on `address`. To be called within a runtime.
///
/// One that the machine doesn't have, or not yet (DHCP), is warned of; clients get in as soon as it is there.
///
/// # Errors
///
/// The address is in use, or is none that can be listened on.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {}
        outcome => return outcome,
    }
    let socket = if address.is_ipv4() {
        let socket = TcpSocket::new_v4()?;
        SockRef::from(&socket).set_freebind_v4(true)?;
        socket
    } else {
        let socket = TcpSocket::new_v6()?;
        SockRef::from(&socket).set_freebind_v6(true)?;
        socket
    };
    // As TcpListener::bind does: no wait for the connections of an agent that ended.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    warn!(
        "{} is no address of this machine (yet); clients get in once it is",
        address.ip()
    );
    socket.listen(BACKLOG)
}
