// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections with TLS.

mod versions;

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{context, endpoint};
use crate::net::{Endpoint, Listeners, Role, Tls, shared::Shared};

/// Ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

struct Issuer(CertifiedIssuer<'static, KeyPair>);

struct Certificate {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Issuer {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `localhost`, valid in these years.
    fn issue(&self, years: std::ops::Range<i32>) -> Certificate {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            key,
        }
    }

    fn connector(&self, identity: Option<&Certificate>) -> TlsConnector {
        self.connector_of(identity, rustls::DEFAULT_VERSIONS)
    }

    /// A connector that supports only these versions.
    fn connector_of(
        &self,
        identity: Option<&Certificate>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            Some(identity) => {
                let key =
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
                builder
                    .with_client_auth_cert(vec![identity.der.clone()], key)
                    .unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        TlsConnector::from(Arc::new(config))
    }
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn with_certificate(directory: &TempDir, certificate: &Certificate) -> Endpoint {
    Endpoint {
        tls: Some(Tls {
            certificate: write(directory, "cert.pem", &certificate.pem),
            key: write(directory, "key.pem", &certificate.key.serialize_pem()),
            client_ca: None,
        }),
        ..endpoint("127.0.0.1:0")
    }
}

async fn connect(address: SocketAddr, connector: TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, stream).await
}

/// Accepts connections in the background and echoes their bytes.
fn echo(mut listeners: Listeners) -> SocketAddr {
    let address = listeners.addresses()[0];
    tokio::spawn(async move {
        loop {
            let mut connection = listeners.accept().await;
            tokio::spawn(async move {
                let _role = connection.gate.authorize(None);
                while let Ok(byte) = connection.stream.read_u8().await {
                    let _ = connection.stream.write_u8(byte).await;
                    let _ = connection.stream.flush().await;
                }
            });
        }
    });
    address
}

async fn echoes(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    stream.write_u8(7).await?;
    stream.flush().await?;
    assert_eq!(stream.read_u8().await?, 7);
    Ok(())
}

#[tokio::test]
async fn bytes_are_encrypted() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let mut listeners = with_certificate(&directory, &certificate)
        .prepare(&context())
        .unwrap();
    let client = connect(listeners.addresses()[0], issuer.connector(None));
    let (mut connection, client) = tokio::join!(listeners.accept(), client);
    assert_eq!(connection.gate.authorize(None), Ok(Role::Read));
    let mut client = client.unwrap();
    client.write_all(b"ask").await.unwrap();
    client.flush().await.unwrap();
    let mut asked = [0; 3];
    connection.stream.read_exact(&mut asked).await.unwrap();
    connection.stream.write_all(b"answer").await.unwrap();
    connection.stream.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!((&asked, answer.as_str()), (b"ask", "answer"));
}

#[tokio::test]
async fn garbage_and_silence_do_not_keep_others_out() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let address = echo(
        with_certificate(&directory, &certificate)
            .prepare(&context())
            .unwrap(),
    );
    // More connections than the limit for guests: silent ones, and ones in the middle of their first message.
    let mut slow = Vec::new();
    for number in 0..100 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
        }
        slow.push(stream);
    }
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"{\"levels\":true}\n",
        &[22, 3, 1, 0, 4, 9, 9, 9, 9],
        &[0; 64],
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut rest = Vec::new();
        // Closed or reset, perhaps after an alert.
        let _ = time::timeout(LONG, stream.read_to_end(&mut rest))
            .await
            .unwrap();
    }
    let client = time::timeout(LONG, connect(address, issuer.connector(None)));
    let mut client = client.await.unwrap().unwrap();
    echoes(&mut client).await.unwrap();
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn the_tls_handshake_has_a_time_limit() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let context = context();
    let address = echo(
        with_certificate(&directory, &certificate)
            .prepare(&context)
            .unwrap(),
    );
    let start = time::Instant::now();
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(start.elapsed().as_secs(), 10);
    let (_, counters) = context.status.counters().pop().unwrap();
    assert_eq!(counters.get("failed-handshakes"), Some(&1));
}

#[tokio::test]
async fn clients_must_present_certificates() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let mut endpoint = with_certificate(&directory, &certificate);
    let ca = write(&directory, "ca.pem", &issuer.0.pem());
    if let Some(tls) = &mut endpoint.tls {
        tls.client_ca = Some(ca.clone());
    }
    let context = context();
    let address = echo(endpoint.prepare(&context).unwrap());
    let of = |identity: Certificate| issuer.connector(Some(&identity));
    // In TLS 1.3 a client learns only with the first bytes that it was refused.
    let refused = async |connector| match connect(address, connector).await {
        Ok(mut stream) => echoes(&mut stream).await.is_err(),
        Err(_) => true,
    };
    assert!(
        refused(issuer.connector(None)).await,
        "without a certificate"
    );
    assert!(
        refused(of(Issuer::new().issue(2020..2099))).await,
        "with another issuer's"
    );
    assert!(
        refused(of(issuer.issue(2020..2021))).await,
        "with one that ended"
    );
    let mut client = connect(address, of(issuer.issue(2020..2099)))
        .await
        .unwrap();
    echoes(&mut client).await.unwrap();

    // Replace the CA.
    write(&directory, "ca.pem", &Issuer::new().0.pem());
    context.sockets.refresh([&endpoint]).unwrap().commit();
    assert!(echoes(&mut client).await.is_err());
    assert!(refused(of(issuer.issue(2020..2099))).await);
}

#[tokio::test]
async fn a_reload_installs_a_new_certificate_but_not_a_broken_one() {
    let (directory, issuer, next) = (tempfile::tempdir().unwrap(), Issuer::new(), Issuer::new());
    let endpoint = with_certificate(&directory, &issuer.issue(2020..2099));
    let context = context();
    let address = echo(endpoint.prepare(&context).unwrap());
    let mut client = connect(address, issuer.connector(None)).await.unwrap();

    let certificate = next.issue(2020..2099);
    write(&directory, "cert.pem", &certificate.pem);
    let error = format!("{:#}", context.sockets.refresh([&endpoint]).err().unwrap());
    assert!(
        error.contains("is not the key of the certificate in"),
        "{error}"
    );
    connect(address, issuer.connector(None)).await.unwrap();

    write(&directory, "key.pem", &certificate.key.serialize_pem());
    context.sockets.refresh([&endpoint]).unwrap().commit();
    connect(address, issuer.connector(None)).await.unwrap_err();
    connect(address, next.connector(None)).await.unwrap();
    echoes(&mut client).await.unwrap();
}

#[tokio::test]
async fn certificate_validity_is_reported() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let validity = |years| {
        let endpoint = with_certificate(&directory, &issuer.issue(years));
        // Invalid dates do not prevent startup.
        let shared = Shared::new(&endpoint).unwrap();
        let again = shared.check_certificate().unwrap().as_secs();
        (again, shared.tls().unwrap().validity().to_string())
    };
    assert_eq!(validity(2020..2099), (24 * 60 * 60, "is valid".to_owned()));
    let (again, early) = validity(2098..2099);
    assert_eq!(again, 60, "the clock may be set at any time");
    assert!(
        early.starts_with("is not valid before 2098-01-01T00:00:00Z, and this"),
        "{early}"
    );
    let (_, late) = validity(2020..2021);
    assert!(
        late.starts_with("expired at 2021-01-01T00:00:00Z"),
        "{late}"
    );
}

#[tokio::test]
async fn invalid_files_are_reported() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let refusal = |name: &str, text: &str| {
        let mut endpoint = with_certificate(&directory, &certificate);
        if let Some(tls) = endpoint.tls.as_mut().filter(|_| name == "ca.pem") {
            tls.client_ca = Some(directory.path().join(name));
        }
        write(&directory, name, text);
        format!("{:#}", endpoint.prepare(&context()).err().unwrap())
    };
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (name, text, key, problem) in [
        (
            "cert.pem",
            "",
            "tls.certificate: ",
            "has no certificate in PEM",
        ),
        (
            "cert.pem",
            other.as_str(),
            "tls.certificate: ",
            "has no certificate in PEM",
        ),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\n!\n",
            "tls.certificate: ",
            "is not PEM",
        ),
        (
            "cert.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "tls.certificate: ",
            "certificate 1 of",
        ),
        ("key.pem", "", "tls.key: ", "has no private key in PEM"),
        (
            "key.pem",
            other.as_str(),
            "",
            "is not the key of the certificate in",
        ),
        ("ca.pem", "", "tls.client-ca: ", "has no certificate in PEM"),
    ] {
        let refused = refusal(name, text);
        assert!(
            refused.starts_with(key) && refused.contains(problem),
            "{name}: {refused}"
        );
    }
    let endpoint = with_certificate(&directory, &certificate);
    let key: &Path = &endpoint.tls.as_ref().unwrap().key;
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = format!("{:#}", endpoint.prepare(&context()).err().unwrap());
    assert!(refused.contains("everybody can read"), "{refused}");
}
