// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords, certificates, and the errors for refused ones.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Instant};

use nix::sys::signal::Signal;
use rcgen::{CertificateParams, CertifiedIssuer, DistinguishedName, DnType, KeyPair};
use tempfile::TempDir;

use crate::{broker::Broker, common::Agent, subscriber::Subscriber};

fn secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A broker on which `subscriber` may do all, and the user `board` needs a password.
fn with_password() -> Broker {
    let settings = "per_listener_settings true\nallow_anonymous false\npassword_file DIRECTORY/passwords\n\
                    listener OPEN 127.0.0.1\nallow_anonymous true\n";
    let settings = settings.replace("OPEN", &crate::broker::free_port().to_string());
    Broker::with(&settings, |directory| {
        let passwords = directory.join("passwords");
        fs::write(&passwords, "board:right\n").unwrap();
        let status = Command::new("mosquitto_passwd")
            .arg("-U")
            .arg(&passwords)
            .status()
            .unwrap();
        assert!(status.success());
    })
}

fn files() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_password_is_refused_until_it_is_correct() {
    for version in ["3.1.1", "5"] {
        let broker = with_password();
        let files = files();
        let password = files.path().join("password");
        secret(&password, "wrong\n");
        let mut agent = Agent::start(&format!(
            "[[mqtt]]\nbroker = '127.0.0.1:{}'\nversion = '{version}'\nuser = 'board'\npassword-file = '{}'\n",
            broker.port,
            password.display()
        ));
        let refused = "user or password rejected (user, password-file)";
        agent.wait_for_log(refused);
        let (_, hello) = agent.request(r#"{"status":true}"#);
        assert!(hello.is_object());
        // It is read again for each attempt, and the same reason is not logged again.
        secret(&password, "right");
        agent.wait_for_log("connected to");
        let log = agent.rest_of_log();
        assert!(!log.iter().any(|line| line.contains(refused)), "{log:?}");
    }
}

#[test]
fn invalid_files_prevent_the_start() {
    let files = files();
    let open = files.path().join("open");
    fs::write(&open, "secret").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let open = open.display();
    for (keys, said) in [
        (
            format!("user = 'a'\npassword-file = '{open}'"),
            "mqtt broker: password-file: everybody can read",
        ),
        (
            "user = 'a'\npassword-file = '/none'".to_owned(),
            "mqtt broker: password-file: cannot read /none",
        ),
        (format!("tls = {{ ca = '{open}' }}"), "tls.ca: "),
        (
            "tls = { ca = '/none' }".to_owned(),
            "mqtt broker: tls.ca: cannot read /none",
        ),
    ] {
        let path = files.path().join("agent.toml");
        let fifo = files.path().join("events");
        let _ = nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU);
        let text = format!(
            "stream = []\n[[mqtt]]\nbroker = 'localhost:1883'\n{keys}\n[simulated]\npath = '{}'\n",
            fifo.display()
        );
        fs::write(&path, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg("--config")
            .arg(&path)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && error.contains(said),
            "{keys}: {error}"
        );
    }
}

fn name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name = name(&format!("authority {:?}", Instant::now()));
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes `NAME.pem` and `NAME.key` for `host`.
    fn issue(&self, folder: &Path, name: &str, host: &str) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        // By default it has the issuer's name: OpenSSL would take it for its own issuer.
        params.distinguished_name = self::name(name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        secret(&folder.join(format!("{name}.key")), &key.serialize_pem());
    }

    fn write(&self, path: &Path) {
        fs::write(path, self.0.pem()).unwrap();
    }
}

/// A broker that requires client certificates, with its CA's files in its folder.
fn with_certificates() -> Broker {
    let settings = "allow_anonymous true\ncafile DIRECTORY/ca.pem\ncertfile DIRECTORY/server.pem\n\
                    keyfile DIRECTORY/server.key\nrequire_certificate true\n";
    Broker::with(settings, |directory| {
        let authority = Authority::new();
        authority.write(&directory.join("ca.pem"));
        authority.issue(directory, "server", "localhost");
        authority.issue(directory, "board", "board");
        Authority::new().issue(directory, "stranger", "board");
        Authority::new().write(&directory.join("other-ca.pem"));
    })
}

#[test]
fn certificates_are_presented_and_checked() {
    for version in ["3.1.1", "5"] {
        let broker = with_certificates();
        let folder = broker.directory().display().to_string();
        let configuration = |host: &str, tls: &str| {
            format!(
                "[[mqtt]]\nbroker = '{host}:{}'\nversion = '{version}'\ntls = {{ {} }}\n",
                broker.port,
                tls.replace("DIRECTORY", &folder)
            )
        };
        let own = "certificate = 'DIRECTORY/board.pem', key = 'DIRECTORY/board.key'";
        let right = format!("ca = 'DIRECTORY/ca.pem', {own}");
        let mut agent = Agent::start(&configuration("localhost", &right));
        agent.wait_for_log("connected to");
        for (host, tls, said) in [
            (
                "localhost",
                format!("ca = 'DIRECTORY/other-ca.pem', {own}"),
                "its certificate is not issued by a CA in",
            ),
            (
                "127.0.0.1",
                right.clone(),
                "its certificate is not for the name `127.0.0.1` (tls.server-name)",
            ),
            (
                "localhost",
                "ca = 'DIRECTORY/ca.pem'".to_owned(),
                "requires a client certificate (tls.certificate, tls.key)",
            ),
            (
                "localhost",
                "ca = 'DIRECTORY/ca.pem', certificate = 'DIRECTORY/stranger.pem', key = 'DIRECTORY/stranger.key'".to_owned(),
                "perhaps for tls.certificate",
            ),
        ] {
            agent.kill_and_restart(&configuration(host, &tls));
            agent.wait_for_log(said);
        }
        let named = format!("{right}, server-name = 'localhost'");
        agent.kill_and_restart(&configuration("127.0.0.1", &named));
        agent.wait_for_log("connected to");
    }
}

#[test]
fn unusable_brokers_are_distinguished() {
    let broker = Broker::start();
    let mut agent = Agent::start(&format!(
        "[[mqtt]]\nname = 'tls'\nbroker = '127.0.0.1:{port}'\ntls = {{ ca = 'DIRECTORY/ca.pem' }}\n\
         [[mqtt]]\nname = 'nothing'\nbroker = '127.0.0.1:1'\n\
         [[mqtt]]\nname = 'nobody'\nbroker = 'none.invalid:1883'\n",
        port = broker.port,
    ).replace("ca = 'DIRECTORY/ca.pem'", &format!("ca = '{}'", ca().display())));
    let mut said = [
        ("mqtt tls: cannot establish TLS with 127.0.0.1", false),
        (
            "mqtt nothing: cannot connect to 127.0.0.1:1: Connection refused",
            false,
        ),
        ("mqtt nobody: cannot connect to none.invalid:1883: ", false),
    ];
    while said.iter().any(|(_, found)| !found) {
        let line = agent.wait_for_log("mqtt ");
        for (text, found) in &mut said {
            *found |= line.contains(*text);
        }
    }
    // The rest of the agent works, and reports what each one waits for.
    let mut client = agent.connect();
    client.send(r#"{"status":true}"#);
    assert!(client.json()["hello"].is_object());
    let status = client.json()["status"].take();
    for part in ["mqtt tls", "mqtt nothing", "mqtt nobody"] {
        assert_eq!(status[part]["state"], "waiting", "{status}");
    }
    agent.signal(Signal::SIGTERM);
    assert!(agent.status().success());
}

/// The certificate of some CA.
fn ca() -> std::path::PathBuf {
    use std::sync::OnceLock;
    static FILE: OnceLock<(TempDir, std::path::PathBuf)> = OnceLock::new();
    let (_, path) = FILE.get_or_init(|| {
        let folder = files();
        let path = folder.path().join("ca.pem");
        Authority::new().write(&path);
        (folder, path)
    });
    path.clone()
}

#[test]
fn a_refused_version_is_reported() {
    // mosquitto supports both versions, so this test sends the refusal.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            use std::io::{Read as _, Write as _};
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(&[0x20, 2, 0, 1]);
        }
    });
    let mut agent = Agent::start(&format!("[[mqtt]]\nbroker = '127.0.0.1:{port}'\n"));
    agent.wait_for_log("it does not support MQTT 3.1.1 (version)");
    drop(agent);
    let broker = Broker::start();
    drop(Subscriber::new(broker.port, "#"));
}
