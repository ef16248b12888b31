// SPDX-License-Identifier: MIT OR Apache-2.0
//! Peers that support only one version of TLS.

use rustls::{
    ProtocolVersion, SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use super::*;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn version(stream: &TlsStream<TcpStream>) -> ProtocolVersion {
    stream.get_ref().1.protocol_version().unwrap()
}

#[tokio::test]
async fn clients_can_use_either_version() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let endpoint = with_certificate(&directory, &issuer.issue(2020..2099));
    let address = echo(endpoint.prepare(&context()).unwrap());
    for wanted in VERSIONS {
        let connector = issuer.connector_of(None, &[wanted]);
        let mut client = connect(address, connector).await.unwrap();
        assert_eq!(version(&client), wanted.version);
        echoes(&mut client).await.unwrap();
    }
    let mut both = connect(address, issuer.connector(None)).await.unwrap();
    assert_eq!(version(&both), ProtocolVersion::TLSv1_3);
    echoes(&mut both).await.unwrap();
}

#[tokio::test]
async fn tls_1_2_clients_must_present_certificates() {
    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let mut endpoint = with_certificate(&directory, &issuer.issue(2020..2099));
    let ca = write(&directory, "ca.pem", &issuer.0.pem());
    if let Some(tls) = &mut endpoint.tls {
        tls.client_ca = Some(ca);
    }
    let address = echo(endpoint.prepare(&context()).unwrap());
    let of = |identity: Option<&Certificate>| issuer.connector_of(identity, &[&TLS12]);
    let (own, foreign) = (issuer.issue(2020..2099), Issuer::new().issue(2020..2099));
    assert!(connect(address, of(None)).await.is_err());
    assert!(connect(address, of(Some(&foreign))).await.is_err());
    let mut client = connect(address, of(Some(&own))).await.unwrap();
    echoes(&mut client).await.unwrap();
}

#[tokio::test]
async fn servers_can_use_either_version() {
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use crate::net::{Address, ClientTls, Dialer};

    let (directory, issuer) = (tempfile::tempdir().unwrap(), Issuer::new());
    let certificate = issuer.issue(2020..2099);
    let tls = ClientTls {
        ca: write(&directory, "ca.pem", &issuer.0.pem()),
        own: None,
        server_name: Some("localhost".to_owned()),
    };
    for wanted in VERSIONS {
        let key = PrivatePkcs8KeyDer::from(certificate.key.serialize_der());
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[wanted])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der.clone()], PrivateKeyDer::Pkcs8(key))
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Ip(listener.local_addr().unwrap());
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_u8(7).await.unwrap();
            stream.flush().await.unwrap();
            stream.get_ref().1.protocol_version()
        };
        let dial = async {
            let dialer = Dialer::read(&address, Some(&tls)).unwrap();
            let mut stream = dialer.connect(LONG).await.unwrap();
            stream.read_u8().await.unwrap()
        };
        let (spoken, got) = tokio::join!(serve, dial);
        assert_eq!((spoken, got), (Some(wanted.version), 7));
    }
}
