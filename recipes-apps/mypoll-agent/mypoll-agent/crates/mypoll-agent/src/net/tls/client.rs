// SPDX-License-Identifier: MIT OR Apache-2.0
//! TLS for outgoing connections.

use std::{io, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, bail};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::super::{Address, ClientTls, file};

/// Performs TLS handshakes with one server.
pub(in crate::net) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    ca: PathBuf,
    shows_certificate: bool,
}

impl Connector {
    /// Reads certificates and key.
    ///
    /// # Errors
    ///
    /// A file is unreadable or invalid.
    pub(in crate::net) fn read(tls: &ClientTls, address: &Address) -> Result<Self> {
        let name = match (&tls.server_name, address) {
            (Some(name), _) => name.clone(),
            (None, Address::Ip(address)) => address.ip().to_string(),
            (None, Address::Name(host, _)) => host.trim_end_matches('.').to_owned(),
            (None, Address::Unix(_) | Address::Systemd(_)) => {
                bail!("{address} does not support TLS: remove `tls`")
            }
        };
        let name = ServerName::try_from(name.clone()).map_err(|_| {
            anyhow::anyhow!("`{name}` is not valid as a certificate name (tls.server-name)")
        })?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(tls)?);
        let mut config = match &tls.own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = super::certificates(&own.certificate).context("tls.certificate")?;
                let key = super::key(&own.key).context("tls.key")?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    anyhow::Error::from(error).context(format!(
                        "cannot use {} with {} (tls.certificate, tls.key)",
                        own.certificate.display(),
                        own.key.display()
                    ))
                })?
            }
        };
        // Connections last long, so session resumption would gain nothing.
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name,
            ca: tls.ca.clone(),
            shows_certificate: tls.own.is_some(),
        })
    }

    /// Performs the TLS handshake.
    pub(in crate::net) async fn connect(
        &self,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(Arc::clone(&self.config))
            .connect(self.name.clone(), stream)
            .await
    }

    /// Explains an error, and what to do.
    pub(in crate::net) fn explain(&self, error: &io::Error) -> String {
        let tls = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            // BadSignature means that an issuer has the right name, but another key.
            Some(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => format!(
                "its certificate is not issued by a CA in {} (tls.ca)",
                self.ca.display()
            ),
            Some(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => format!(
                "its certificate is not for the name `{}` (tls.server-name)",
                self.name.to_str()
            ),
            Some(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            )) => "its certificate has expired, or this machine's clock is wrong".to_owned(),
            Some(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => "its certificate is not valid yet, or this machine's clock is wrong".to_owned(),
            Some(Error::AlertReceived(AlertDescription::CertificateRequired)) => {
                "it requires a client certificate (tls.certificate, tls.key)".to_owned()
            }
            Some(Error::AlertReceived(alert)) if self.shows_certificate => {
                format!("it rejects the connection, perhaps for tls.certificate: {alert:?}")
            }
            Some(Error::AlertReceived(alert)) => format!("it rejects the connection: {alert:?}"),
            Some(Error::InvalidMessage(_)) => "it does not use TLS on this port".to_owned(),
            Some(other) => other.to_string(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                "it closes the connection: it does not use TLS on this port, or rejects the client"
                    .to_owned()
            }
            None => error.to_string(),
        }
    }
}

/// The trusted CAs. The system's file may contain certificates that rustls does not support.
fn roots(tls: &ClientTls) -> Result<RootCertStore> {
    let shown = tls.ca.display();
    let bytes = file::read(&tls.ca).context("tls.ca")?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| anyhow::anyhow!("{shown} is not PEM: {error}"))
        .context("tls.ca")?;
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(certificates).0 == 0 {
        bail!("tls.ca: {shown} has no certificate in PEM (-----BEGIN CERTIFICATE-----)");
    }
    Ok(roots)
}
