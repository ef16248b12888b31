// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources of events: the driver's private queue, GPIO lines of the character device, or a simulation.

#[cfg(feature = "gpiochip")]
pub mod gpiochip;
pub mod queue;
pub mod simulated;
mod wait;

use anyhow::{Context as _, Result};

use crate::{config::Config, context::Context, journal::Update};

/// The configured source: returns events in batches, and lines with their levels.
///
/// If a source can't be opened yet, or is removed, it retries; `next` returns when there is something to append. It
/// reports that in the log and in [`crate::status::Status`].
pub enum Source {
    /// The driver's private queue.
    Queue(Box<queue::Queue>),
    /// Lines of GPIO chips.
    #[cfg(feature = "gpiochip")]
    Gpiochip(gpiochip::Gpiochip),
    /// A FIFO.
    Simulated(simulated::Simulated),
}

impl Source {
    /// Opens the source.
    ///
    /// # Errors
    ///
    /// The configuration is invalid. A missing device is not an error.
    pub async fn open(config: &Config, context: &Context) -> Result<Self> {
        if let Some(config) = &config.simulated {
            let simulated =
                simulated::Simulated::open(config, &context.status).with_context(|| {
                    format!("cannot open {} (simulated.path)", config.path.display())
                })?;
            return Ok(Self::Simulated(simulated));
        }
        #[cfg(feature = "gpiochip")]
        if let Some(config) = &config.gpiochip {
            let opened = gpiochip::Gpiochip::open(config, context).await;
            return Ok(Self::Gpiochip(opened.context("gpiochip")?));
        }
        let device = config.device.clone().unwrap_or_default();
        let queue = queue::Queue::new(&device, context);
        Ok(Self::Queue(Box::new(queue)))
    }

    /// Whether both configurations select the same source with the same settings.
    pub fn is_same(one: &Config, other: &Config) -> bool {
        #[cfg(feature = "gpiochip")]
        if one.gpiochip.is_some() || other.gpiochip.is_some() {
            return one.gpiochip == other.gpiochip;
        }
        if one.simulated.is_some() || other.simulated.is_some() {
            return one.simulated == other.simulated;
        }
        // The driver is the default.
        one.device.clone().unwrap_or_default() == other.device.clone().unwrap_or_default()
    }

    /// Waits for the next update. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Update {
        match self {
            Self::Queue(source) => source.next().await,
            #[cfg(feature = "gpiochip")]
            Self::Gpiochip(source) => source.next().await,
            Self::Simulated(source) => source.next().await,
        }
    }

    /// The remaining data, at the end of the source; `None` when nothing is left. A stuck chip may block it forever.
    pub async fn take(&mut self) -> Option<Update> {
        match self {
            Self::Queue(source) => source.take(),
            #[cfg(feature = "gpiochip")]
            Self::Gpiochip(source) => source.take().await,
            Self::Simulated(source) => source.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let shown = file.path().display().to_string();
        Config::read(file.path()).map_err(|error| error.to_string().replace(&shown, "agent.toml"))
    }

    #[test]
    fn only_one_source_is_allowed() {
        assert!(read("[device]\nqueue = 256").unwrap().device.is_some());
        let error = read("[simulated]\npath = \"/tmp/fifo\"\n\n[device]\n").unwrap_err();
        assert_eq!(
            error,
            "agent.toml:4: device: only one source is allowed, and there is `[simulated]` already: remove one of them"
        );
    }

    #[test]
    fn an_invalid_device_value_is_rejected_with_its_place() {
        for (text, complaint) in [
            (
                "[device]\nqueue = 100",
                "agent.toml:2: device.queue: invalid value: integer `100`, expected a whole number from 256 to 65536",
            ),
            ("[device]\npath = \"\"", "agent.toml:2: device.path: "),
            (
                "[device]\nqueues = 1",
                "agent.toml:2: device.queues: unknown field",
            ),
            ("device = 1", "agent.toml:1: device: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(complaint), "{error}");
        }
    }
}
