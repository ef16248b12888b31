// SPDX-License-Identifier: MIT OR Apache-2.0
//! Conflicts between sections, each of which is valid by itself.

use super::Config;
use crate::net::{Address, Endpoint};

/// Why an element of an array of tables conflicts with the rest of the file.
pub(super) struct Conflict {
    /// The array, such as `stream`, and the element in it, from 0.
    pub(super) element: (&'static str, usize),
    /// The key in the element.
    pub(super) key: &'static str,
    /// The problem, and what is expected.
    pub(super) problem: String,
}

/// Returns the first conflict.
pub(super) fn check(config: &Config) -> Result<(), Conflict> {
    listens_once(config)?;
    #[cfg(feature = "rule")]
    references_exist(config)?;
    Ok(())
}

/// Each address belongs to one section. Ports that the system chooses never conflict.
fn listens_once(config: &Config) -> Result<(), Conflict> {
    let mut seen: Vec<(&Address, (&str, usize))> = Vec::new();
    let streams = config.streams();
    for (element, endpoint) in endpoints(config, &streams) {
        for address in &endpoint.listen {
            match seen.iter().find(|(other, _)| *other == address) {
                Some((_, (array, index))) if !address.has_any_port() => {
                    let problem = format!(
                        "{array}[{index}] already listens on {address}: use different addresses"
                    );
                    return Err(Conflict {
                        element,
                        key: "listen",
                        problem,
                    });
                }
                _ => seen.push((address, element)),
            }
        }
    }
    Ok(())
}

fn endpoints<'a>(
    config: &'a Config,
    streams: &'a [crate::sink::stream::Config],
) -> impl Iterator<Item = ((&'static str, usize), &'a Endpoint)> {
    let streams = streams.iter().map(|stream| &stream.endpoint).enumerate();
    let endpoints = streams.map(|(index, endpoint)| (("stream", index), endpoint));
    #[cfg(feature = "http")]
    let endpoints = {
        let http = config.http.iter().map(|http| &http.endpoint).enumerate();
        endpoints.chain(http.map(|(index, endpoint)| (("http", index), endpoint)))
    };
    #[cfg(not(feature = "http"))]
    let _ = config;
    endpoints
}

/// Each rule refers to an existing output or broker.
#[cfg(feature = "rule")]
fn references_exist(config: &Config) -> Result<(), Conflict> {
    for (index, rule) in config.rule.iter().enumerate() {
        let refers = rule.refers(
            &config.output,
            #[cfg(feature = "mqtt")]
            &config.mqtt,
        );
        refers.map_err(|(key, problem)| Conflict {
            element: ("rule", index),
            key,
            problem,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error message for an invalid file.
    fn rejection(text: &str) -> String {
        let error = Config::parse("agent.toml".as_ref(), text).unwrap_err();
        error.to_string()
    }

    #[test]
    fn an_address_belongs_to_one_section() {
        assert_eq!(
            rejection("[[stream]]\nlisten = '[::1]:7070'\n[[stream]]\nlisten = '[::1]:7070'\n"),
            "agent.toml:3: stream[1].listen: stream[0] already listens on [::1]:7070: use different addresses"
        );
        let any = "[[stream]]\nlisten = '127.0.0.1:0'\n".repeat(2);
        Config::parse("agent.toml".as_ref(), &any).unwrap();
    }

    #[cfg(feature = "http")]
    #[test]
    fn the_default_stream_has_its_address() {
        assert_eq!(
            rejection("[[http]]\nlisten = '127.0.0.1:7070'\n"),
            "agent.toml:1: http[0].listen: stream[0] already listens on 127.0.0.1:7070: use different addresses"
        );
        let alone = "stream = []\n[[http]]\nlisten = '127.0.0.1:7070'\n";
        Config::parse("agent.toml".as_ref(), alone).unwrap();
    }
}
