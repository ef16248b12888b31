// SPDX-License-Identifier: MIT OR Apache-2.0
//! Destinations of events. A sink is one file (with a directory of the same name if it is large): its configuration, and
//! a cursor of the journal.
//!
//! A new sink needs its module, a variant of [`Section`] and its arms here, its field in [`crate::config::Config`], and
//! its keys in `config/example.toml` and `docs/agent.md`.

pub mod counters;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod output;
#[cfg(feature = "rule")]
pub mod rule;
pub mod stream;

use std::{future::Future, pin::Pin};

use tokio_util::sync::CancellationToken;

use crate::{context::Context, net::Endpoint};

/// A prepared sink; runs until the token is cancelled or the journal ends.
///
/// At the journal's end it delivers the remaining events, with a time limit set by the supervisor. If the token is
/// cancelled, it ends at once: it was removed from the configuration, or the time limit has passed.
pub type Run =
    Box<dyn FnOnce(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A sink's section of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Section {
    /// JSON lines.
    Stream(stream::Config),
    /// A GPIO output.
    Output(output::Config),
    /// Persistent pulse totals.
    Counters(counters::Config),
    /// Live page and HTTP API.
    #[cfg(feature = "http")]
    Http(http::Config),
    /// Reactions to events.
    #[cfg(feature = "rule")]
    Rule(rule::Config),
    /// Messages to an MQTT broker.
    #[cfg(feature = "mqtt")]
    Mqtt(Box<mqtt::Config>),
}

impl Section {
    /// Its name in the log, such as `stream 127.0.0.1:7070`.
    pub fn name(&self) -> String {
        match self {
            Self::Stream(section) => section.name(),
            Self::Output(section) => section.name(),
            Self::Counters(section) => section.name(),
            #[cfg(feature = "http")]
            Self::Http(section) => section.name(),
            #[cfg(feature = "rule")]
            Self::Rule(section) => section.name(),
            #[cfg(feature = "mqtt")]
            Self::Mqtt(section) => section.name(),
        }
    }

    /// The endpoint, if it listens.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Stream(section) => Some(&section.endpoint),
            Self::Output(_) | Self::Counters(_) => None,
            #[cfg(feature = "http")]
            Self::Http(section) => Some(&section.endpoint),
            #[cfg(feature = "rule")]
            Self::Rule(_) => None,
            #[cfg(feature = "mqtt")]
            Self::Mqtt(_) => None,
        }
    }

    /// Does everything that can fail: listens, reads certificates. Errors name the key and what is expected.
    ///
    /// # Errors
    ///
    /// The configuration is rejected.
    pub fn prepare(&self, context: &Context) -> anyhow::Result<Run> {
        match self {
            Self::Stream(section) => section.prepare(context),
            Self::Output(section) => Ok(section.prepare(context)),
            Self::Counters(section) => Ok(section.prepare(context)),
            #[cfg(feature = "http")]
            Self::Http(section) => section.prepare(context),
            #[cfg(feature = "rule")]
            Self::Rule(section) => section.prepare(context),
            #[cfg(feature = "mqtt")]
            Self::Mqtt(section) => section.prepare(context),
        }
    }
}
