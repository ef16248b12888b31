// SPDX-License-Identifier: MIT OR Apache-2.0
//! State shared by all connections of an endpoint.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{
    Endpoint,
    door::Door,
    notices::{Notice, Notices},
    tls::{Acceptor, Validity},
    token::Tokens,
};
use crate::status::{Condition, Reporter};

/// How often an invalid certificate is checked that may become valid: the clock may be set at any time.
const UNTIL_VALID: Duration = Duration::from_secs(60);

/// How often other certificates are checked.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    pub(super) door: Door,
    notices: Notices,
    credentials: Mutex<Credentials>,
    reporter: OnceLock<Reporter>,
    /// Requests a check of the certificate.
    pub(super) renewed: Notify,
}

/// The loaded certificates and tokens.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    tls: Option<Acceptor>,
    tokens: Option<Arc<Tokens>>,
    /// The last reported validity of the certificate.
    validity: Option<Validity>,
}

impl Credentials {
    pub(super) fn read(endpoint: &Endpoint) -> Result<Self> {
        let tls = endpoint.tls.as_ref().map(Acceptor::read).transpose()?;
        let read = |path: &PathBuf| -> Result<_> {
            let tokens = Tokens::read(path).context("tokens")?;
            if tokens.is_empty() {
                warn!(
                    "{} has no token, so nobody can connect: create one by `mypoll-agent token new`",
                    path.display()
                );
            }
            Ok(Arc::new(tokens))
        };
        let tokens = endpoint.tokens.as_ref().map(read).transpose()?;
        Ok(Self {
            tls,
            tokens,
            validity: None,
        })
    }
}

impl Shared {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            endpoint: endpoint.clone(),
            door: Door::new(endpoint.max_clients),
            notices: Notices::default(),
            credentials: Mutex::new(Credentials::read(endpoint)?),
            reporter: OnceLock::new(),
            renewed: Notify::new(),
        }))
    }

    /// Sets the reporter of the endpoint's state.
    pub(super) fn report(&self, reporter: Reporter) {
        let _ = self.reporter.set(reporter);
    }

    /// Reports the state; returns whether it changed.
    pub(super) fn set(&self, condition: Condition) -> bool {
        self.reporter
            .get()
            .is_some_and(|reporter| reporter.set(condition))
    }

    /// Counts a problem of a peer, and logs it with a rate limit.
    pub(super) fn say(&self, notice: Notice, peer: &dyn fmt::Display, what: &dyn fmt::Display) {
        if let Some(reporter) = self.reporter.get() {
            reporter.add(notice.counter(), 1);
        }
        self.notices.say(notice, &self.endpoint.name(), peer, what);
    }

    pub(super) fn tls(&self) -> Option<Acceptor> {
        self.credentials().tls.clone()
    }

    pub(super) fn tokens(&self) -> Option<Arc<Tokens>> {
        self.credentials().tokens.clone()
    }

    /// Installs new credentials. Evicts clients that they would reject.
    pub(super) fn renew(&self, new: Credentials) {
        let old = std::mem::replace(&mut *self.credentials(), new.clone());
        let name = self.endpoint.name();
        if let (Some(old), Some(new)) = (&old.tls, &new.tls) {
            if !new.has_same_certificate(old) {
                info!("{name}: new connections use the new certificate");
                self.renewed.notify_one();
            }
            if !new.has_same_issuers(old) {
                info!("{name}: tls.client-ca changed; all clients must reconnect");
                self.door
                    .evict("it must reconnect with its certificate", |_| false);
            }
        }
        if let (Some(old), Some(new)) = (&old.tokens, &new.tokens)
            && old != new
        {
            info!("{name}: the tokens changed");
            self.door
                .evict("its token was removed or has another role", |shown| {
                    shown.is_none_or(|(hash, role)| new.role_of(hash) == Some(*role))
                });
        }
    }

    /// Reports changes of the certificate's validity. Returns when to check again.
    pub(super) fn check_certificate(&self) -> Option<Duration> {
        let mut credentials = self.credentials();
        let now = credentials.tls.as_ref()?.validity();
        let before = credentials.validity.replace(now.clone());
        let certificate = self.endpoint.tls.as_ref()?.certificate.display();
        let is_new = before.as_ref() != Some(&now);
        match &now {
            Validity::Valid if before.is_some() && is_new => info!("{certificate} is valid now"),
            Validity::Valid => {}
            Validity::NotYet { .. } if !is_new => {}
            // These are repeated daily.
            Validity::NotYet { .. } | Validity::Ends { .. } | Validity::Ended { .. } => {
                warn!("{certificate} {now}");
            }
        }
        Some(if matches!(now, Validity::NotYet { .. }) {
            UNTIL_VALID
        } else {
            DAY
        })
    }

    fn credentials(&self) -> MutexGuard<'_, Credentials> {
        self.credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
