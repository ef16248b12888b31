// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens a connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::split,
    task::JoinSet,
    time::{self, Instant},
};

use super::{Session, send};
use crate::{
    net::Dialer,
    sink::mqtt::{
        Config,
        packet::{Connect, Incoming, Limits, Refusal},
        topics::OFFLINE,
        window::Window,
    },
};

/// The longest event with its topic, in bytes: the broker must accept it.
const LONGEST_EVENT: u32 = 8192;

impl Session {
    /// Connects, and waits for the broker's acceptance.
    ///
    /// # Errors
    ///
    /// The message is the same each time for the same reason.
    pub(in crate::sink::mqtt) async fn connect(
        config: &Config,
        client_id: &str,
        will: Arc<str>,
    ) -> Result<Self, String> {
        let dialer = Dialer::read(&config.broker, config.tls.as_ref())
            .map_err(|error| format!("{error:#}"))?;
        let password = config.password().map_err(|error| format!("{error:#}"))?;
        let transport = dialer
            .connect(config.timeout)
            .await
            .map_err(|error| error.to_string())?;
        let (reader, writer) = split(transport);
        let now = Instant::now();
        let mut session = Self {
            dialer,
            address: config.broker.to_string(),
            version: config.version,
            reader,
            writer,
            received: BytesMut::new(),
            skip: 0,
            outgoing: BytesMut::new(),
            unflushed: false,
            limits: Limits::default(),
            keep_alive: config.keep_alive,
            timeout: config.timeout,
            window: Window::new(config.window),
            last_sent: now,
            owed: None,
            pinged: false,
            subscribing: Vec::new(),
            replies: HashMap::new(),
            ordered: JoinSet::new(),
        };
        let connect = Connect {
            client_id,
            user: config.user.as_deref(),
            password,
            // At most 18 hours.
            keep_alive: u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX),
            will: (will, OFFLINE),
        };
        session.version.connect(connect, &mut session.outgoing);
        match time::timeout(config.timeout, session.accepted()).await {
            Ok(Ok(limits)) => session.limit(limits, config)?,
            Ok(Err(reason)) => return Err(reason),
            Err(_) => return Err(session.silent()),
        }
        Ok(session)
    }

    /// Waits for the CONNACK.
    async fn accepted(&mut self) -> Result<Limits, String> {
        send(&mut self.writer, &mut self.outgoing)
            .await
            .map_err(|error| self.broken(&error))?;
        loop {
            match self.take()? {
                Some(Incoming::Accepted(limits)) => return Ok(limits),
                Some(Incoming::Refused(refusal)) => return Err(self.refused(&refusal)),
                Some(_) => {
                    return Err(format!(
                        "{} does not answer like an MQTT broker",
                        self.address
                    ));
                }
                None => self.read().await?,
            }
        }
    }

    fn limit(&mut self, limits: Limits, config: &Config) -> Result<(), String> {
        if !limits.acknowledges {
            return Err(format!(
                "{} supports only QoS 0, which does not guarantee delivery",
                self.address
            ));
        }
        if limits.packet < LONGEST_EVENT {
            return Err(format!(
                "{} accepts packets of only {} bytes, expected at least {LONGEST_EVENT}",
                self.address, limits.packet
            ));
        }
        self.window = Window::new(config.window.min(limits.unacknowledged.into()));
        if let Some(seconds) = limits.keep_alive.filter(|seconds| *seconds > 0) {
            self.keep_alive = self.keep_alive.min(Duration::from_secs(seconds.into()));
        }
        self.limits = limits;
        Ok(())
    }

    fn refused(&self, refusal: &Refusal) -> String {
        let reason = match refusal {
            Refusal::Login => "user or password rejected (user, password-file)".to_owned(),
            Refusal::ClientId => "client identifier rejected (client-id)".to_owned(),
            Refusal::Version => {
                format!("it does not support MQTT {} (version)", self.version.name())
            }
            Refusal::Other(reason) => format!("connection rejected: {reason}"),
        };
        format!("{}: {reason}", self.address)
    }
}
