// SPDX-License-Identifier: MIT OR Apache-2.0
//! The results.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::{Load, process::Server, receivers::Received};

/// The results.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The measured program: `agent` or `broker`.
    subject: &'static str,
    clients: u32,
    silent_clients: u32,
    /// Number of events sent.
    events: usize,
    /// Events per second, as achieved by the sender.
    rate: f64,
    /// Time from the stamp of an event until the last client has read it, in microseconds.
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    /// The processor time of the subject, in seconds.
    cpu_s: f64,
    /// Maximum resident memory of the subject, in KiB.
    resident_kib: u64,
    /// Events missed by reading clients, summed over the clients.
    missing: u64,
}

impl Report {
    /// Computes the results; `cpu_before` is the subject's processor time before the first event.
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
