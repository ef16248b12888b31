// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals: SIGTERM and SIGINT stop the agent, SIGHUP reloads its configuration.

use std::future::Future;

use anyhow::{Context as _, Result};
use mypoll_agent::supervisor::Request;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing::info;

/// Forwards signals from now on.
pub fn forward(requests: mpsc::Sender<Request>) -> Result<impl Future<Output = ()>> {
    let mut sigterm = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let mut sigint = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    let mut sighup = signal(SignalKind::hangup()).context("cannot handle SIGHUP")?;
    Ok(async move {
        loop {
            let (name, request) = tokio::select! {
                _ = sigterm.recv() => ("SIGTERM", Request::End),
                _ = sigint.recv() => ("SIGINT", Request::End),
                _ = sighup.recv() => ("SIGHUP", Request::Reload),
            };
            info!("{name}");
            if requests.send(request).await.is_err() {
                return;
            }
        }
    })
}
