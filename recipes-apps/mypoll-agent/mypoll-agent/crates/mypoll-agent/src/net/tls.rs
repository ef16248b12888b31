// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS 1.2 and 1.3.

mod client;

use std::{
    fmt, io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use rustls::{
    CertificateError, Error, RootCertStore, ServerConfig,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Tls, file, raw::Raw};
pub(super) use client::Connector;

/// How long before a certificate's expiry warnings start.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A connection on which TLS is established.
pub(super) type Stream = TlsStream<Raw>;

/// Establishes TLS on new connections.
#[derive(Clone)]
pub(super) struct Acceptor {
    config: Arc<ServerConfig>,
    certificates: Arc<[CertificateDer<'static>]>,
    issuers: Arc<[CertificateDer<'static>]>,
}

/// The validity of a certificate now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    /// Valid.
    Valid,
    /// Not valid yet, or the clock is wrong.
    NotYet { begin: SystemTime },
    /// Valid, but expires soon.
    Ends { end: SystemTime },
    /// Expired.
    Ended { end: SystemTime },
}

impl Acceptor {
    /// Reads certificates and key.
    ///
    /// # Errors
    ///
    /// A file is unreadable or invalid.
    pub(super) fn read(tls: &Tls) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates(&tls.certificate).context("tls.certificate")?;
        let key = key(&tls.key).context("tls.key")?;
        let issuers = match &tls.client_ca {
            Some(path) => certificates(path).context("tls.client-ca")?,
            None => Vec::new(),
        };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = if tls.client_ca.is_some() {
            builder
                .with_client_cert_verifier(verifier(&issuers, provider).context("tls.client-ca")?)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder
            .with_single_cert(chain.clone(), key)
            .map_err(|error| match error {
                Error::InconsistentKeys(_) => anyhow::anyhow!(
                    "{} is not the key of the certificate in {} (tls): the first certificate in that file must be the agent's own",
                    tls.key.display(),
                    tls.certificate.display()
                ),
                error => anyhow::Error::from(error).context(format!(
                    "cannot use {} with {} (tls)",
                    tls.certificate.display(),
                    tls.key.display()
                )),
            })?;
        // Clients stay connected for long, so session resumption would gain nothing.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            config: Arc::new(config),
            certificates: chain.into(),
            issuers: issuers.into(),
        })
    }

    /// Performs the TLS handshake. `buffer` is the number of bytes that may wait in it, besides the kernel's buffer.
    pub(super) async fn accept(&self, connection: Raw, buffer: usize) -> io::Result<Stream> {
        let acceptor = TlsAcceptor::from(self.config.clone());
        let mut stream = acceptor.accept(connection).await?;
        stream.get_mut().1.set_buffer_limit(Some(buffer));
        Ok(stream)
    }

    /// The validity of the certificates now.
    pub(super) fn validity(&self) -> Validity {
        let now = SystemTime::now();
        let of_all = self
            .certificates
            .iter()
            .map(|certificate| validity(certificate, now));
        of_all
            .max_by_key(Validity::severity)
            .unwrap_or(Validity::Valid)
    }

    pub(super) fn has_same_certificate(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }

    pub(super) fn has_same_issuers(&self, other: &Self) -> bool {
        self.issuers == other.issuers
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl Validity {
    fn severity(&self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Ends { .. } => 1,
            Self::NotYet { .. } => 2,
            Self::Ended { .. } => 3,
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = |time: &SystemTime| humantime::format_rfc3339_seconds(*time);
        match self {
            Self::Valid => f.write_str("is valid"),
            Self::NotYet { begin } => write!(
                f,
                "is not valid before {}, and this machine's clock is {}: clients will reject it until then, or until the clock is set; continuing",
                date(begin),
                date(&SystemTime::now())
            ),
            Self::Ends { end } => write!(f, "expires at {}: replace it and reload", date(end)),
            Self::Ended { end } => write!(
                f,
                "expired at {}, so clients reject it: replace it and reload",
                date(end)
            ),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = file::read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| anyhow::anyhow!("{} is not PEM: {error}", path.display()))?;
    if certificates.is_empty() {
        bail!(
            "{} has no certificate in PEM (-----BEGIN CERTIFICATE-----)",
            path.display()
        );
    }
    for (certificate, number) in certificates.iter().zip(1..) {
        ParsedCertificate::try_from(certificate).map_err(|error| {
            anyhow::anyhow!(
                "certificate {number} of {} is broken: {error}",
                path.display()
            )
        })?;
    }
    Ok(certificates)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let bytes = file::read_confidential(path)?;
    // The error might contain parts of the key.
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        anyhow::anyhow!(
            "{} has no private key in PEM (-----BEGIN PRIVATE KEY-----, without a passphrase)",
            path.display()
        )
    })
}

fn verifier(
    issuers: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for issuer in issuers {
        roots.add(issuer.clone())?;
    }
    Ok(WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?)
}

/// Without trusted issuers verification always fails, but it checks the time first, which is what is needed here.
fn validity(certificate: &CertificateDer<'_>, now: SystemTime) -> Validity {
    let Ok(certificate) = ParsedCertificate::try_from(certificate) else {
        return Validity::Valid;
    };
    let at = |time: SystemTime| {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let outcome = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &RootCertStore::empty(),
            &[],
            UnixTime::since_unix_epoch(since),
            &[],
        );
        match outcome {
            Err(Error::InvalidCertificate(error)) => Some(error),
            _ => None,
        }
    };
    let system = |time: UnixTime| SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    match (at(now), at(now + SOON)) {
        (Some(CertificateError::NotValidYetContext { not_before, .. }), _) => Validity::NotYet {
            begin: system(not_before),
        },
        (Some(CertificateError::ExpiredContext { not_after, .. }), _) => Validity::Ended {
            end: system(not_after),
        },
        (_, Some(CertificateError::ExpiredContext { not_after, .. })) => Validity::Ends {
            end: system(not_after),
        },
        _ => Validity::Valid,
    }
}
