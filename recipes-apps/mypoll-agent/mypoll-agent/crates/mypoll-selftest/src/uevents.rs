// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's uevents, as udev receives them.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// A socket that receives all uevents from now on.
pub(crate) struct Uevents(OwnedFd);

/// The keys and values of a uevent.
pub(crate) type Uevent = BTreeMap<String, String>;

impl Uevents {
    /// Opens the socket.
    pub(crate) fn new() -> Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkKObjectUEvent,
        )
        .context("a netlink socket")?;
        // The kernel's group, not udev's.
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 1)).context("bind")?;
        // Avoids a hang if none arrives.
        setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(60)).context("SO_RCVTIMEO")?;
        Ok(Self(socket))
    }

    /// Waits for the next one about a line.
    pub(crate) fn next_of_a_line(&self) -> Result<Uevent> {
        loop {
            let event = self.next(MsgFlags::empty())?;
            if event.contains_key("MYPOLL_LINE") {
                return Ok(event);
            }
        }
    }

    /// The available ones about lines.
    pub(crate) fn of_lines(&self) -> Vec<Uevent> {
        std::iter::from_fn(|| self.next(MsgFlags::MSG_DONTWAIT).ok())
            .filter(|event| event.contains_key("MYPOLL_LINE"))
            .collect()
    }

    fn next(&self, flags: MsgFlags) -> Result<Uevent> {
        let mut message = [0; 8192];
        let length = recv(self.0.as_raw_fd(), &mut message, flags).context("no uevent")?;
        let text = String::from_utf8_lossy(&message[..length]);
        let pairs = text.split('\0').filter_map(|word| word.split_once('='));
        Ok(pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }
}
