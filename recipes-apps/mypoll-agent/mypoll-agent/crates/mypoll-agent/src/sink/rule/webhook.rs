// SPDX-License-Identifier: MIT OR Apache-2.0
//! The action `webhook`: HTTP POST to a server.

mod client;
mod config;
mod message;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

pub use config::Config;

use super::{Occurrence, Rule, delivery};
use crate::net::Dialer;
use client::Client;

impl Config {
    /// Reads the certificates.
    fn dialer(&self) -> anyhow::Result<Dialer> {
        Dialer::read(&self.address, self.tls.as_ref())
    }

    /// Checks the files that it names.
    ///
    /// # Errors
    ///
    /// A file is unreadable or invalid.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.dialer().context("webhook")?;
        if let Some(secret) = &self.secret {
            secret.read().context("webhook.secret.file")?;
        }
        Ok(())
    }
}

pub(super) async fn run(rule: Rule, config: Config, stop: CancellationToken) {
    let longest_pause = config.longest_pause;
    delivery::run(rule, Client::new(config), longest_pause, stop).await;
}
