// SPDX-License-Identifier: MIT OR Apache-2.0
//! DNS-SD: how machines around find the listeners that are open to them.
//!
//! The agent writes service files for avahi or systemd-resolved instead of calling them by D-Bus. The daemons keep the
//! announcement and rename the board if another one has its name, and the agent needs no library. The folders belong to
//! root, so a command that the service manager runs as root writes the files, and the agent needs no more rights.

mod files;

use std::collections::BTreeSet;

use crate::{config::Config, identity::Identity, net::Endpoint, sink::Section};

pub use files::{Folders, Outcome};

/// A service that is announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Its type, such as `_mypoll._tcp`.
    pub kind: &'static str,
    /// Its port.
    pub port: u16,
    /// Its TXT record: keys and values.
    pub text: Vec<(&'static str, String)>,
    /// Whether another one of its type comes before it.
    is_further: bool,
}

/// The longest value that is announced, in bytes: with its key it has to fit into 255.
const LONGEST: usize = 200;

impl Service {
    /// Those of a configuration: listeners that other machines can connect to, at ports that are known.
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

    /// The name that people see; `host` stands for the host's name.
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

/// The ports at which other machines can connect.
fn ports(endpoint: &Endpoint) -> impl Iterator<Item = u16> + '_ {
    let open = endpoint.listen.iter().filter(|address| !address.is_local());
    open.filter_map(|address| address.port())
        .filter(|port| *port != 0)
}

#[cfg(test)]
mod tests;
