// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::{Load, process::Server, receivers::Received};

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was measured: `agent` or `broker`.
    subject: &'static str,
    clients: u32,
    silent_clients: u32,
    /// Events that were sent.
    events: usize,
    /// Events a second, as far as the sender came.
    rate: f64,
    /// From the stamp of an event until the last client had read it, in microseconds.
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    /// The processor time of the subject, in seconds.
    cpu_s: f64,
    /// The most memory that the subject had resident, in KiB.
    resident_kib: u64,
    /// Events that reading clients did not get, over all clients.
    missing: u64,
}

impl Report {
    /// Puts the figures together; `cpu_before` is what the subject had taken before the first event.
    pub fn new(
        subject: &'static str,
        load: Load,
        server: &Server,
        cpu_before: Duration,
        sending: Duration,
        received: Received,
    ) -> Result<Self> {
        let mut latencies = received.latencies;
        latencies.sort_unstable();
        let at = |share: f64| {
            let index = (latencies.len() as f64 * share).ceil() as usize;
            let latency = latencies
                .get(index.saturating_sub(1))
                .copied()
                .unwrap_or_default();
            latency as f64 / 1000.0
        };
        Ok(Self {
            subject,
            clients: load.clients,
            silent_clients: load.silent,
            events: load.events(),
            rate: (load.events() as f64 / sending.as_secs_f64()).round(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: at(1.0),
            cpu_s: (server.cpu_time()? - cpu_before).as_secs_f64(),
            resident_kib: server.resident_kib()?,
            missing: received.missing,
        })
    }
}
