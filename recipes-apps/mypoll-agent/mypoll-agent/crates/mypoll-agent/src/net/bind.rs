// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listens on an address, even one that the machine does not have yet.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, ToSocketAddrs as _},
    thread,
};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    Address, Endpoint, address::is_loopback, options::BACKLOG, sockets::Bound, systemd, unix,
};

/// Listens on an address that needs no name resolution.
pub(super) fn now(address: &Address, endpoint: &Endpoint) -> Result<Vec<Bound>> {
    match address {
        Address::Ip(ip) => Ok(vec![Bound::new(tcp(*ip, endpoint)?, None)]),
        Address::Unix(path) => {
            let (socket, file) = unix::bind(path, endpoint)?;
            Ok(vec![Bound::new(socket, Some(file))])
        }
        Address::Systemd(name) => {
            let bound = systemd::sockets(name)?
                .into_iter()
                .map(|socket| Bound::new(socket, None))
                .collect::<Vec<_>>();
            for bound in bound.iter().filter(|bound| !bound.is_local()) {
                endpoint
                    .protects(&bound.to_string())
                    .map_err(anyhow::Error::msg)?;
            }
            Ok(bound)
        }
        Address::Name(..) => bail!("the name must be resolved first"),
    }
}

/// Listens on an address that may need name resolution.
pub(super) async fn resolved(address: &Address, endpoint: &Endpoint) -> Result<Vec<Bound>> {
    let Address::Name(host, port) = address else {
        return now(address, endpoint);
    };
    let found = resolve(host, *port).await?;
    let mut bound = Vec::new();
    let mut problem = None;
    for ip in found {
        let outcome = if address.is_local() && !is_loopback(ip.ip()) {
            endpoint
                .protects(&format!("{ip}, which `{host}` stands for"))
                .map_err(anyhow::Error::msg)
        } else {
            Ok(())
        };
        match outcome.and_then(|()| tcp(ip, endpoint).with_context(|| ip.to_string())) {
            Ok(socket) => bound.push(Bound::new(socket, None)),
            Err(error) => problem = Some(error),
        }
    }
    match problem {
        Some(error) if bound.is_empty() => Err(error),
        Some(error) => {
            warn!("{address}: cannot listen on one of its addresses: {error:#}");
            Ok(bound)
        }
        None if bound.is_empty() => bail!("the name has no address"),
        None => Ok(bound),
    }
}

/// Resolves on a separate thread: it can take long, and shutdown does not wait for it.
async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let (sender, answer) = oneshot::channel();
    let host = host.to_owned();
    thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let found = found.map(|found| {
                let mut addresses = Vec::new();
                for address in found {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                addresses
            });
            let _ = sender.send(found);
        })
        .context("cannot start a thread")?;
    answer.await?.context("cannot resolve the name")
}

/// Listens on an IP address.
///
/// Warns if the machine does not have the address, or not yet (DHCP); clients can connect once it does.
fn tcp(address: SocketAddr, endpoint: &Endpoint) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking().cloexec(),
        None,
    )?;
    // Don't wait for lingering connections of an earlier agent.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` also takes IPv4, unless another listener does.
        let v4 = Address::Ip((std::net::Ipv4Addr::UNSPECIFIED, address.port()).into());
        socket.set_only_v6(!address.ip().is_unspecified() || endpoint.listen.contains(&v4))?;
    }
    let name = SockAddr::from(address);
    match socket.bind(&name) {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
            if address.is_ipv4() {
                socket.set_freebind_v4(true)?;
            } else {
                socket.set_freebind_v6(true)?;
            }
            socket.bind(&name)?;
            warn!(
                "{} is not an address of this machine (yet); clients can connect once it is",
                address.ip()
            );
        }
        outcome => outcome?,
    }
    socket.listen(BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(listen: &[&str]) -> Endpoint {
        let addresses = listen.iter().map(|text| Address::parse(text).unwrap());
        Endpoint {
            listen: addresses.collect(),
            ..Endpoint::new(Address::Name(String::new(), 0))
        }
    }

    #[test]
    fn listening_on_a_future_address_succeeds() {
        // Documentation addresses, which no machine has.
        for address in ["192.0.2.1:0", "[2001:db8::1]:0"] {
            let endpoint = endpoint(&[address]);
            let bound = now(&endpoint.listen[0], &endpoint).unwrap();
            assert_eq!(bound.len(), 1, "{address}");
            assert!(!bound[0].is_local());
        }
    }

    #[test]
    fn an_address_in_use_is_refused() {
        let used = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = endpoint(&[&used.local_addr().unwrap().to_string()]);
        let error = now(&endpoint.listen[0], &endpoint).unwrap_err();
        let error = error.downcast_ref::<io::Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn both_wildcards_can_share_a_port() {
        let port = {
            let free = std::net::TcpListener::bind("[::]:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let endpoint = endpoint(&[&format!("[::]:{port}"), &format!("0.0.0.0:{port}")]);
        let _v6 = now(&endpoint.listen[0], &endpoint).unwrap();
        let _v4 = now(&endpoint.listen[1], &endpoint).unwrap();
    }

    #[tokio::test]
    async fn names_are_resolved_or_fail_with_a_reason() {
        let endpoint = endpoint(&["localhost:0", "nowhere.invalid:0"]);
        let bound = resolved(&endpoint.listen[0], &endpoint).await.unwrap();
        assert!(!bound.is_empty() && bound.iter().all(Bound::is_local));
        let error = resolved(&endpoint.listen[1], &endpoint).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot resolve the name");
    }
}
