// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections without TLS.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time,
};

use super::{context, endpoint};
use crate::net::{
    Address, Denied, Endpoint, Listeners, Peer, Role,
    token::{NewToken, new_token},
};

/// Ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

pub(super) fn write_tokens(path: &Path, tokens: &[&NewToken]) {
    let lines: Vec<_> = tokens.iter().map(|token| token.line.as_str()).collect();
    fs::write(path, lines.join("\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn connect(listeners: &Listeners) -> TcpStream {
    TcpStream::connect(listeners.addresses()[0]).await.unwrap()
}

#[tokio::test]
async fn bytes_go_both_ways_and_a_half_closed_connection_stays() {
    let mut listeners = endpoint("127.0.0.1:0").prepare(&context()).unwrap();
    let mut client = connect(&listeners).await;
    let mut connection = listeners.accept().await;
    assert_eq!(
        connection.gate.peer(),
        &Peer::Tcp(client.local_addr().unwrap())
    );
    assert!(!connection.gate.needs_token());
    assert_eq!(connection.gate.authorize(None), Ok(Role::Read));
    client.write_all(b"ask").await.unwrap();
    client.shutdown().await.unwrap();
    let mut asked = String::new();
    connection.stream.read_to_string(&mut asked).await.unwrap();
    connection.stream.write_all(b"answer").await.unwrap();
    connection.stream.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!((asked.as_str(), answer.as_str()), ("ask", "answer"));
}

#[tokio::test]
async fn a_unix_socket_allows_control_by_default() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut endpoint = Endpoint::new(Address::Unix(path.clone()));
    for (control, role) in [(None, Role::Control), (Some(false), Role::Read)] {
        endpoint.control = control;
        let mut listeners = endpoint.prepare(&context()).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        let connection = listeners.accept().await;
        assert_eq!(connection.gate.authorize(None), Ok(role));
        let process = i32::try_from(std::process::id()).ok();
        assert!(matches!(connection.gate.peer(), Peer::Unix { process: it, .. } if *it == process));
    }
    assert!(!path.exists(), "the socket was left behind");
}

#[tokio::test]
async fn it_listens_on_all_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint.listen.push(Address::Unix(path.clone()));
    endpoint.listen.push(Address::parse("localhost:0").unwrap());
    let mut listeners = endpoint.prepare(&context()).unwrap();
    let _tcp = connect(&listeners).await;
    let _unix = UnixStream::connect(&path).await.unwrap();
    let (one, other) = (listeners.accept().await, listeners.accept().await);
    let peers = [one.gate.peer(), other.gate.peer()];
    assert!(peers.iter().any(|peer| matches!(peer, Peer::Tcp(_))));
    assert!(peers.iter().any(|peer| matches!(peer, Peer::Unix { .. })));
    // The name is resolved while waiting for connections.
    let resolved = time::timeout(LONG, async {
        while listeners.addresses().len() < 2 {
            let _ = time::timeout(Duration::from_millis(10), listeners.accept()).await;
        }
    });
    resolved.await.unwrap();
}

#[tokio::test]
async fn places_are_taken_and_released() {
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint.max_clients = 1;
    let mut listeners = endpoint.prepare(&context()).unwrap();
    let (_one, _other) = (connect(&listeners).await, connect(&listeners).await);
    let (first, second) = (listeners.accept().await, listeners.accept().await);
    first.gate.authorize(None).unwrap();
    first.gate.authorize(None).expect("it has its place");
    assert_eq!(second.gate.authorize(None), Err(Denied::Full(1)));
    drop(first);
    second.gate.authorize(None).unwrap();
}

#[tokio::test]
async fn a_token_file_makes_tokens_mandatory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    let (reader, controller) = (
        new_token(Role::Read, "").unwrap(),
        new_token(Role::Control, "").unwrap(),
    );
    let (reader, controller) = (&reader, &controller);
    write_tokens(&path, &[reader, controller]);
    let context = context();
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint.tokens = Some(path.clone());
    let mut listeners = endpoint.prepare(&context).unwrap();
    let mut clients = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..2 {
        clients.push(connect(&listeners).await);
        connections.push(listeners.accept().await);
    }
    let [first, second] = connections.as_mut_slice() else {
        unreachable!()
    };
    assert!(first.gate.needs_token());
    assert_eq!(first.gate.authorize(None), Err(Denied::NoToken));
    assert_eq!(first.gate.authorize(Some("x")), Err(Denied::UnknownToken));
    assert_eq!(first.gate.authorize(Some(&reader.secret)), Ok(Role::Read));
    assert_eq!(
        second.gate.authorize(Some(&controller.secret)),
        Ok(Role::Control)
    );

    // A broken file is refused and changes nothing.
    fs::write(&path, "nonsense").unwrap();
    let error = format!("{:#}", context.sockets.refresh([&endpoint]).err().unwrap());
    assert!(
        error.contains("tokens:1: expected ROLE:HASH:COMMENT"),
        "{error}"
    );
    assert_eq!(first.gate.authorize(Some(&reader.secret)), Ok(Role::Read));

    // Removing a token evicts its clients.
    write_tokens(&path, &[controller]);
    context.sockets.refresh([&endpoint]).unwrap().commit();
    let error = first.stream.read_u8().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "its token was removed or has another role"
    );
    assert!(first.stream.write_all(b"x").await.is_err());
    assert_eq!(
        first.gate.authorize(Some(&reader.secret)),
        Err(Denied::UnknownToken)
    );
    clients[1].write_all(b"x").await.unwrap();
    assert_eq!(second.stream.read_u8().await.unwrap(), b'x');
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_token_are_evicted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    write_tokens(&path, &[&new_token(Role::Read, "").unwrap()]);
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint.tokens = Some(path);
    let mut listeners = endpoint.prepare(&context()).unwrap();
    let _client = connect(&listeners).await;
    let mut connection = listeners.accept().await;
    let error = tokio::select! {
        read = connection.stream.read_u8() => read.unwrap_err(),
        _ = listeners.accept() => unreachable!(),
    };
    assert_eq!(error.to_string(), "it was not authorized in time");
}

#[tokio::test]
async fn an_unresolved_name_does_not_delay_other_addresses() {
    let context = context();
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint
        .listen
        .push(Address::parse("nowhere.invalid:0").unwrap());
    let mut listeners = endpoint.prepare(&context).unwrap();
    let _client = connect(&listeners).await;
    listeners.accept().await;
    let waits = time::timeout(LONG, async {
        while context.status.waiting().is_empty() {
            let _ = time::timeout(Duration::from_millis(10), listeners.accept()).await;
        }
    });
    waits.await.unwrap();
    let status = context.status.to_json().to_string();
    let reason = "cannot listen on nowhere.invalid:0 yet: cannot resolve the name";
    assert!(status.contains(reason), "{status}");
}

#[tokio::test]
async fn tls_to_a_plain_address_is_an_error() {
    let mut listeners = endpoint("127.0.0.1:0").prepare(&context()).unwrap();
    let mut client = connect(&listeners).await;
    let mut connection = listeners.accept().await;
    client.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    let error = connection.stream.read_u8().await.unwrap_err();
    assert!(
        error.to_string().starts_with("TLS on a plain listener"),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_fills_only_its_buffers() {
    let mut endpoint = endpoint("127.0.0.1:0");
    endpoint.send_buffer = 16 << 10;
    let mut listeners = endpoint.prepare(&context()).unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let _client = socket.connect(listeners.addresses()[0]).await.unwrap();
    let mut connection = listeners.accept().await;
    let mut taken = 0;
    // Without bounds the kernel takes megabytes.
    while let Ok(count) = time::timeout(
        Duration::from_secs(1),
        connection.stream.write(&[b'x'; 200]),
    )
    .await
    {
        taken += count.unwrap();
        assert!(taken < 64 << 10, "the kernel buffers {taken} bytes");
    }
    assert!(taken > 0);
}

#[tokio::test]
async fn a_reload_reuses_the_socket() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let context = context();
    let mut old = endpoint(&address.to_string()).prepare(&context).unwrap();
    let mut changed = endpoint(&address.to_string());
    changed.max_clients = 1;
    let mut new = changed.prepare(&context).unwrap();
    // No client is rejected between the two.
    let _first = TcpStream::connect(address).await.unwrap();
    old.accept().await;
    drop(old);
    let _second = TcpStream::connect(address).await.unwrap();
    new.accept().await;
    drop(new);
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test]
async fn a_reload_can_widen_an_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let context = context();
    let old = endpoint(&address.to_string()).prepare(&context).unwrap();
    let wide = Endpoint {
        insecure: true,
        ..endpoint(&format!("0.0.0.0:{}", address.port()))
    };
    let mut new = wide.prepare(&context).unwrap();
    assert!(
        new.addresses().is_empty(),
        "the old listener still has the port"
    );
    drop(old);
    let client = async {
        loop {
            if let Ok(client) = TcpStream::connect(address).await {
                return client;
            }
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    let both = time::timeout(LONG, async { tokio::join!(new.accept(), client) });
    both.await.unwrap();
}

#[tokio::test]
async fn errors_name_the_key_that_cannot_be_used() {
    let used = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = used.local_addr().unwrap().to_string();
    let refusal = |endpoint: Endpoint| format!("{:#}", endpoint.prepare(&context()).err().unwrap());
    assert_eq!(
        refusal(endpoint(&address)),
        format!("cannot listen on {address} (listen): Address already in use (os error 98)")
    );
    let refused = refusal(endpoint("systemd:none"));
    assert!(
        refused.starts_with("cannot listen on systemd:none (listen): systemd passed no socket"),
        "{refused}"
    );
    let mut with_tokens = endpoint("127.0.0.1:0");
    with_tokens.tokens = Some("/nonexistent/tokens".into());
    let refused = refusal(with_tokens);
    assert!(
        refused.starts_with("tokens: cannot read /nonexistent/tokens: No such file"),
        "{refused}"
    );
}
