// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts, reloads and stops the parts: a pump from the source to the journal, and the sinks.

mod probe;
mod pump;
mod sinks;

use anyhow::{Context as _, Result, bail};
use tokio::{sync::mpsc, time};
use tracing::{error, info, warn};

use crate::{
    config::Config, context::Context, identity::Identity, journal::Journal, notify::Notifier,
    source::Source, status::Status,
};
use pump::Pump;
use sinks::Sinks;

pub use probe::{Finding, probe};

/// A request from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stop: deliver remaining events, within the time limit.
    End,
    /// Reload the configuration.
    Reload,
}

/// Runs the agent until it is stopped.
///
/// `read` reads the configuration again. If any part of it is invalid, the agent keeps its current configuration.
/// `taken` is called with each new configuration.
///
/// # Errors
///
/// The first configuration is invalid.
pub async fn run(
    mut config: Config,
    read: impl Fn() -> Result<Config>,
    taken: impl Fn(&Config) -> Result<()>,
    mut requests: mpsc::Receiver<Request>,
) -> Result<()> {
    let identity = Identity::of_this_machine(config.agent.machine.as_deref());
    let status = Status::default();
    let (journal, writer) = Journal::open(identity, &config.journal, &status)?;
    let context = Context {
        status,
        ..Context::new(journal)
    };
    let mut sinks = Sinks::default();
    let source = Source::open(&config, &context).await?;
    sinks.change(&config, &context).await?;
    let mut pump = Pump::start(source, &config, writer, &context.status);
    let mut notifier = Notifier::new(&context.status);
    notifier.ready();

    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(Request::Reload) => {
                    notifier.reloading();
                    let outcome = match read() {
                        Ok(new) => reload(&config, &new, &mut sinks, &mut pump, &context).await.map(|()| new),
                        Err(error) => Err(error),
                    };
                    match outcome {
                        Ok(new) => {
                            info!("reloaded the configuration");
                            config = new;
                            if let Err(error) = taken(&config) {
                                error!("{error:#}");
                            }
                        }
                        Err(error) => error!("keeping the old configuration: {error:#}"),
                    }
                    notifier.ready();
                }
                Some(Request::End) | None => break,
            },
            () = notifier.watch() => {}
        }
    }

    notifier.stopping();
    let drained = async {
        // A source that hangs must leave the sinks time for the end of the journal.
        pump.drain(config.agent.drain_timeout / 2).await;
        sinks.ended().await;
    };
    if time::timeout(config.agent.drain_timeout, drained)
        .await
        .is_err()
    {
        warn!(
            "cut off after {:?} (agent.drain-timeout): {}",
            config.agent.drain_timeout,
            sinks.names()
        );
    }
    info!("ended");
    Ok(())
}

/// Applies a new configuration, or changes nothing.
async fn reload(
    old: &Config,
    new: &Config,
    sinks: &mut Sinks,
    pump: &mut Pump,
    context: &Context,
) -> Result<()> {
    if old.journal != new.journal || old.agent.machine != new.agent.machine {
        bail!("`journal` and `agent.machine` can't be changed at run time: restart the agent");
    }
    let source = match Source::is_same(old, new) {
        true => None,
        false => Some(Source::open(new, context).await.context("source")?),
    };
    sinks.change(new, context).await?;
    if let Some(source) = source {
        pump.replace(source);
    }
    pump.change(new);
    Ok(())
}
