// SPDX-License-Identifier: MIT OR Apache-2.0
//! DNS-SD: lets other machines discover the listeners that are open to them.
//!
//! The agent writes service files for avahi or systemd-resolved instead of using D-Bus. The daemons keep the announcement
//! and resolve name conflicts, and the agent needs no library. The directories belong to root, so a command that the
//! service manager runs as root writes the files, and the agent itself needs no privileges.

mod files;

use std::collections::BTreeSet;

use crate::{config::Config, identity::Identity, net::Endpoint, sink::Section};

pub use files::{Folders, Outcome};

/// An announced service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Its type, such as `_mypoll._tcp`.
    pub kind: &'static str,
    /// Its port.
    pub port: u16,
    /// Its TXT record: keys and values.
    pub text: Vec<(&'static str, String)>,
    /// Whether it is not the first of its type.
    is_further: bool,
}

/// The longest announced value, in bytes: with its key it must fit into 255.
const LONGEST: usize = 200;

impl Service {
    /// The services of a configuration: listeners that other machines can reach, on known ports.
    pub fn of(config: &Config) -> Vec<Self> {
        if !config.agent.announce {
            return Vec::new();
        }
        let machine = Identity::of_this_machine(config.agent.machine.as_deref()).machine;
        let sections = config.sinks();
        let endpoints = sections
            .iter()
            .filter_map(|section| Some((kind(section)?, section.endpoint()?)));
        let found: BTreeSet<_> = endpoints
            .flat_map(|(kind, endpoint)| {
                let facts = (endpoint.tls.is_some(), endpoint.tokens.is_some());
                ports(endpoint).map(move |port| (kind, port, facts))
            })
            .collect();
        let mut before = "";
        let service = |(kind, port, (tls, token))| {
            let flag = |is_so: bool| u8::from(is_so).to_string();
            let mut text = vec![("txtvers", flag(true))];
            if kind == STREAM {
                text.push(("protocol", mypoll_protocol::VERSION.to_string()));
                text.push(("tls", flag(tls)));
                text.push(("token", flag(token)));
            } else {
                text.push(("path", "/".to_owned()));
            }
            if machine.len() <= LONGEST {
                text.push(("machine", machine.clone()));
            }
            let is_further = std::mem::replace(&mut before, kind) == kind;
            Self {
                kind,
                port,
                text,
                is_further,
            }
        };
        found.into_iter().map(service).collect()
    }

    /// The displayed name; `host` stands for the host's name.
    fn name(&self, host: &str) -> String {
        if self.is_further {
            format!("mypoll on {host} port {}", self.port)
        } else {
            format!("mypoll on {host}")
        }
    }
}

/// The type of streams.
const STREAM: &str = "_mypoll._tcp";

fn kind(section: &Section) -> Option<&'static str> {
    match section {
        Section::Stream(_) => Some(STREAM),
        #[cfg(feature = "http")]
        Section::Http(section) if section.endpoint.tls.is_some() => Some("_https._tcp"),
        #[cfg(feature = "http")]
        Section::Http(_) => Some("_http._tcp"),
        _ => None,
    }
}

/// The ports that other machines can reach.
fn ports(endpoint: &Endpoint) -> impl Iterator<Item = u16> + '_ {
    let open = endpoint.listen.iter().filter(|address| !address.is_local());
    open.filter_map(|address| address.port())
        .filter(|port| *port != 0)
}

#[cfg(test)]
mod tests;
