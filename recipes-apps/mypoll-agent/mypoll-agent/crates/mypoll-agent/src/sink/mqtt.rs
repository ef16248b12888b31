// SPDX-License-Identifier: MIT OR Apache-2.0
//! Publishes events to an MQTT broker, and takes orders from it.
//!
//! The journal is responsible for redelivery: an event is done when the broker has acknowledged it and all before it; only
//! then does the journal's [`Bookmark`] advance. Each connection starts a clean MQTT session and continues after the last
//! event that is done, whatever the broker remembers.

mod config;
mod home_assistant;
mod orders;
mod packet;
mod publisher;
mod retained;
mod session;
mod topics;
mod window;

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Run;
use crate::{
    backoff::Backoff,
    context::Context,
    journal::Bookmark,
    net::{self, Dialer},
    status::{Condition, Reporter},
};
use publisher::Publisher;
use session::{End, Session};

pub use config::{Config, HomeAssistant};
pub use packet::Version;
pub use topics::{OfAgent, OfEvent, OfLevel, OfOutput, Placeholder, Purpose, Template, Topics};

/// Upper limit of the first pause between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Upper limit of later pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Config {
    /// Its name in the log.
    pub fn name(&self) -> String {
        format!("mqtt {}", self.name)
    }

    /// Reads the files. Connects when the sink runs, and retries while the broker is unreachable.
    ///
    /// # Errors
    ///
    /// A file is invalid; the error names the key.
    pub fn prepare(&self, context: &Context) -> Result<Run> {
        Dialer::read(&self.broker, self.tls.as_ref())?;
        self.password()?;
        let bookmark = Bookmark::open(&context.journal, &format!("mqtt-{}", self.name))?;
        let (config, context) = (self.clone(), context.clone());
        Ok(Box::new(move |stop| {
            Box::pin(async move {
                let reporter = context.status.reporter(config.name());
                run(&config, &context, bookmark, &reporter, stop).await;
            })
        }))
    }

    /// The first line of the file; read for each connection, so that a new password takes effect.
    fn password(&self) -> Result<Option<Bytes>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let bytes = net::read_confidential(path).context("password-file")?;
        let line = bytes.split(|byte| b"\r\n".contains(byte)).next();
        Ok(line.map(Bytes::copy_from_slice))
    }
}

async fn run(
    config: &Config,
    context: &Context,
    bookmark: Bookmark,
    reporter: &Reporter,
    stop: CancellationToken,
) {
    let journal = &context.journal;
    let mut publisher = Publisher::new(config, context, reporter, bookmark);
    reporter.set(Condition::Waiting(format!(
        "connecting to {}",
        config.broker
    )));
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, 0.5..=1.0);
    let mut ended = false;
    loop {
        let mut since = None;
        let end = tokio::select! {
            biased;
            () = stop.cancelled() => End::Stopped,
            connected = Session::connect(config, publisher.client_id(), publisher.availability()) => match connected {
                Ok(session) => {
                    reporter.add("connected", 1);
                    if reporter.set(Condition::Working) {
                        info!("{}: connected to {}", config.name(), config.broker);
                    }
                    since = Some(Instant::now());
                    session.run(&mut publisher, &stop).await
                }
                Err(reason) => End::Lost(reason),
            },
        };
        publisher.disconnected();
        match end {
            End::Delivered | End::Stopped => break,
            End::Lost(reason) => {
                if reporter.set(Condition::Waiting(reason.clone())) {
                    warn!("{}: {reason}; retrying", config.name());
                }
            }
        }
        if let Some(since) = since {
            backoff.was_connected(since.elapsed());
        }
        // Events on disk are delivered after the next start; others as long as there is time.
        if ended && publisher.is_kept() {
            break;
        }
        let pause = backoff.pause();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = journal.ended(), if !ended => {
                ended = true;
                backoff.reset();
            }
            () = time::sleep(pause) => {}
        }
    }
    publisher.save().await;
}
