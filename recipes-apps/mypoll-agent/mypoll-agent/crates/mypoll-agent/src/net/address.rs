// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listen addresses.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// An address in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and a port: `127.0.0.1:7070`, `[::1]:7070`.
    Ip(SocketAddr),
    /// A host name and a port: `board.local:7070`. Resolved once, when the section starts.
    Name(String, u16),
    /// A Unix socket: `unix:/run/mypoll-agent/events.sock`.
    Unix(PathBuf),
    /// Sockets that systemd passes under this name (`FileDescriptorName=`): `systemd:NAME`.
    Systemd(String),
}

impl Address {
    /// The expected form, for error messages.
    pub(super) const EXPECTED: &str = r#"an address such as "127.0.0.1:7070", "[::1]:7070", "board.local:7070", "unix:/run/mypoll-agent/events.sock" or "systemd:NAME""#;

    /// Parses an address.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            // The limit of sun_path in unix(7), with its terminating 0.
            let fits = path.starts_with('/') && path.len() < 108 && !path.contains('\0');
            return fits.then(|| Self::Unix(path.into()));
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            return (!name.is_empty() && !name.contains(':'))
                .then(|| Self::Systemd(name.to_owned()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| port.parse().ok())??;
        // A link-local address with an interface name; the interface may appear later.
        let scoped = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .filter(|host| {
                host.split_once('%').is_some_and(|(address, interface)| {
                    address.parse::<std::net::Ipv6Addr>().is_ok() && !interface.is_empty()
                })
            });
        if let Some(host) = scoped {
            return Some(Self::Name(host.to_owned(), port));
        }
        is_host_name(host).then(|| Self::Name(host.to_owned(), port))
    }

    /// The port, if it has one.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Name(_, port) => Some(*port),
            Self::Unix(_) | Self::Systemd(_) => None,
        }
    }

    /// Whether the system chooses the port.
    pub(crate) fn has_any_port(&self) -> bool {
        self.port() == Some(0)
    }

    /// Whether only this machine can connect. For `systemd:`, unknown before the socket exists.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Ip(address) => is_loopback(address.ip()),
            Self::Name(host, _) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                host == "localhost" || host.ends_with(".localhost")
            }
            Self::Unix(_) | Self::Systemd(_) => true,
        }
    }
}

/// Whether `ip` belongs to the loopback interface.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Host names have a letter somewhere; 1.2.3.400 and 300 are mistyped addresses.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(is_label)
        && !text.rsplit('.').next().is_none_or(is_number)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(host, port) if host.contains('%') => write!(f, "[{host}]:{port}"),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_parsed_and_printed_back() {
        for text in [
            "127.0.0.1:7070",
            "[::1]:7070",
            "[fe80::1%2]:7070",
            "[fe80::1%eth0]:7070",
            "localhost:0",
            "board-1.local:65535",
            "unix:/run/mypoll-agent/events.sock",
            "systemd:mypoll",
        ] {
            let address = Address::parse(text).unwrap_or_else(|| panic!("{text} is refused"));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for text in [
            "",
            "7070",
            ":7070",
            "localhost",
            "localhost:",
            "localhost:65536",
            "localhost:+1",
            "::1:7070",
            "[::1]",
            "[board]:7070",
            "[fe80::1%]:7070",
            "1.2.3.400:7070",
            "-board:7070",
            "bo ard:7070",
            "board..local:7070",
            "unix:",
            "unix:run.sock",
            "unix:/run/\0",
            "systemd:",
            "systemd:a:b",
            "http://board:7070",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
        let long = format!("unix:/{}", "x".repeat(107));
        assert_eq!(Address::parse(&long), None);
        assert!(Address::parse(&long[..long.len() - 1]).is_some());
    }

    #[test]
    fn only_loopback_names_and_addresses_are_local() {
        let local = |text| Address::parse(text).unwrap().is_local();
        for text in [
            "127.8.0.1:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "LOCALHOST.:1",
            "a.localhost:1",
            "unix:/x",
        ] {
            assert!(local(text), "{text}");
        }
        for text in [
            "0.0.0.0:1",
            "[::]:1",
            "192.168.0.1:1",
            "[::ffff:10.0.0.1]:1",
            "board:1",
            "localhost.example.org:1",
        ] {
            assert!(!local(text), "{text}");
        }
    }
}
