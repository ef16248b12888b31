// SPDX-License-Identifier: MIT OR Apache-2.0
//! Socket activation by systemd.

use std::{
    os::fd::{FromRawFd as _, OwnedFd},
    sync::OnceLock,
};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Socket, Type};
use tracing::warn;

/// The passed sockets with their names. They stay open while the agent runs, because a reload may need them.
fn passed() -> &'static [(String, OwnedFd)] {
    static PASSED: OnceLock<Vec<(String, OwnedFd)>> = OnceLock::new();
    PASSED.get_or_init(|| match sd_notify::listen_fds_with_names() {
        Ok(sockets) => sockets
            .map(|(descriptor, name)| {
                #[expect(unsafe_code, reason = "systemd passes numbers")]
                // SAFETY: LISTEN_PID names this process, so its parent left it this open descriptor. This is the only place that takes
                // it, and it runs once.
                let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
                (name, descriptor)
            })
            .collect(),
        Err(error) => {
            warn!("cannot take systemd's sockets: {error}");
            Vec::new()
        }
    })
}

/// Takes the passed sockets, so that no other program inherits them.
pub(super) fn take() {
    passed();
}

/// The sockets with this name.
pub(super) fn sockets(name: &str) -> Result<Vec<Socket>> {
    let sockets = passed()
        .iter()
        .filter(|(passed, _)| passed == name)
        .map(|(_, descriptor)| checked(descriptor))
        .collect::<Result<Vec<_>>>()?;
    if sockets.is_empty() {
        let names: Vec<_> = passed().iter().map(|(name, _)| name.as_str()).collect();
        let there_are = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        bail!(
            "systemd passed no socket with this name (FileDescriptorName= in the .socket unit); there are: {there_are}"
        );
    }
    Ok(sockets)
}

/// A duplicate of a socket, if it accepts connections.
fn checked(descriptor: &OwnedFd) -> Result<Socket> {
    let socket = Socket::from(descriptor.try_clone().context("cannot use the socket")?);
    // This fails on descriptors that are not sockets.
    let kind = socket
        .r#type()
        .context("systemd passed something other than a socket")?;
    if kind != Type::STREAM || !socket.is_listener()? {
        bail!(
            "systemd passed a socket that accepts no connections: the unit needs ListenStream= and Accept=no"
        );
    }
    if ![Domain::IPV4, Domain::IPV6, Domain::UNIX].contains(&socket.domain()?) {
        bail!("systemd passed a socket that is neither IP nor Unix");
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, net::TcpListener, os::unix::net::UnixListener};

    use super::*;

    #[test]
    fn only_listening_stream_sockets_are_accepted() {
        let refusal = |descriptor: OwnedFd| checked(&descriptor).unwrap_err().to_string();
        let file = File::open("/dev/null").unwrap();
        assert!(refusal(file.into()).contains("something other than a socket"));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        assert!(refusal(socket.into()).contains("accepts no connections"));
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        assert!(refusal(socket.into()).contains("accepts no connections"));

        checked(&TcpListener::bind("127.0.0.1:0").unwrap().into()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        checked(
            &UnixListener::bind(directory.path().join("s"))
                .unwrap()
                .into(),
        )
        .unwrap();
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let refusal = sockets("other").unwrap_err().to_string();
        assert!(refusal.ends_with("there are: none"), "{refusal}");
    }
}
