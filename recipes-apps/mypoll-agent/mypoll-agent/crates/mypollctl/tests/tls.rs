// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl --connect tls:…`.
#![cfg(feature = "tls")]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use assert_cmd::{assert::Assert, cargo::cargo_bin_cmd};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;

use common::{event, hello};

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

    fn issue(&self, name: &str) -> Certificate {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            key,
        }
    }
}

/// An agent with one connection and this certificate. Its result is the request, or `None` if the client does not trust
/// it. With `clients` it requires a client certificate.
struct Agent {
    port: u16,
    request: JoinHandle<Option<String>>,
}

impl Agent {
    fn start(certificate: Certificate, clients: Option<&Issuer>) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            Some(issuer) => {
                let mut roots = RootCertStore::empty();
                roots.add(issuer.0.der().clone()).unwrap();
                let provider = Arc::new(ring::default_provider());
                config.with_client_cert_verifier(
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .unwrap(),
                )
            }
            None => config.with_no_client_auth(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key.serialize_der()));
        let config = config.with_single_cert(vec![certificate.der], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let request = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut lines = BufReader::new(StreamOwned::new(connection, stream));
            let mut request = String::new();
            lines.read_line(&mut request).ok()?;
            let answer = format!("{}\n{}\n", hello(1, 27), event(27));
            lines.get_mut().write_all(answer.as_bytes()).unwrap();
            // Until the client disconnects.
            let _ = lines.read_line(&mut String::new());
            Some(request)
        });
        Self { port, request }
    }

    /// Runs `monitor` with this agent.
    fn monitor(&self, options: &[(&str, PathBuf)]) -> Assert {
        let mut command = cargo_bin_cmd!("mypollctl");
        command.args(["--connect", &format!("tls:localhost:{}", self.port)]);
        for (option, path) in options {
            command.arg(option).arg(path);
        }
        command.args(["monitor", "--json", "--count", "1"]).assert()
    }

    fn request(self) -> Option<String> {
        self.request.join().unwrap()
    }
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn said(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

#[test]
fn events_come_from_an_agent_with_a_valid_certificate() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let agent = Agent::start(issuer.issue("localhost"), None);
    let ca = write(&directory, "ca.pem", &issuer.0.pem());
    let token = write(&directory, "token", "secret\n");
    agent
        .monitor(&[("--ca", ca), ("--token-file", token)])
        .success()
        .stdout(event(27) + "\n");
    assert_eq!(
        agent.request().unwrap(),
        "{\"protocol\":1,\"token\":\"secret\"}\n"
    );
}

#[test]
fn an_agent_with_another_certificate_learns_no_token() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let ca = write(&directory, "ca.pem", &issuer.0.pem());
    let token = write(&directory, "token", "secret\n");
    for certificate in [Issuer::new().issue("localhost"), issuer.issue("elsewhere")] {
        let agent = Agent::start(certificate, None);
        let options = [("--ca", ca.clone()), ("--token-file", token.clone())];
        let said = said(&agent.monitor(&options).code(1));
        assert!(said.contains("invalid peer certificate"), "{said}");
        assert_eq!(agent.request(), None);
    }
}

#[test]
fn the_client_presents_its_own_certificate() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let ca = write(&directory, "ca.pem", &issuer.0.pem());
    let client = issuer.issue("client");
    let certificate = write(&directory, "cert.pem", &client.pem);
    let key = write(&directory, "key.pem", &client.key.serialize_pem());

    let agent = Agent::start(issuer.issue("localhost"), Some(&issuer));
    agent.monitor(&[("--ca", ca.clone())]).code(1).stdout("");
    assert_eq!(agent.request(), None);

    let agent = Agent::start(issuer.issue("localhost"), Some(&issuer));
    agent
        .monitor(&[("--ca", ca), ("--certificate", certificate), ("--key", key)])
        .success()
        .stdout(event(27) + "\n");
}

#[test]
fn missing_options_are_named() {
    let mut command = cargo_bin_cmd!("mypollctl");
    command.args(["--connect", "tls:localhost:7071", "info"]);
    let said = said(&command.assert().code(1));
    assert!(said.contains("--ca is missing"), "{said}");
}
