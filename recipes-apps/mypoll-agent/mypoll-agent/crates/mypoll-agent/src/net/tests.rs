// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration sections, and client connections.

mod connections;
#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use crate::{
    context::Context,
    identity::Identity,
    journal::Journal,
    section::{table::Table as _, value},
};

use super::{Address, Endpoint};

super::section! {
    /// `[[sample]]`
    pub struct Sample("a table headed `[[sample]]`", listen = "127.0.0.1:7070") {
        /// A key of its own.
        #[serde(deserialize_with = "value::duration")]
        pub heartbeat: Duration = Duration::from_secs(30),
        /// A key without an attribute.
        pub name: String = String::new(),
    }
}

fn parse(text: &str) -> Result<Sample, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
}

#[track_caller]
fn rejection(text: &str) -> String {
    parse(text).expect_err("was taken")
}

fn context() -> Context {
    let identity = Identity::of_this_machine(Some("test"));
    let (journal, _) = Journal::in_memory(identity, 65536);
    Context::new(journal)
}

fn endpoint(listen: &str) -> Endpoint {
    Endpoint::new(Address::parse(listen).unwrap())
}

#[test]
fn a_section_has_shared_keys_and_its_own() {
    let sample =
        parse("listen = ['[::1]:1', 'localhost:2']\nheartbeat = '1s'\npeer-timeout = '2s'")
            .unwrap();
    assert_eq!(sample.endpoint.name(), "[::1]:1, localhost:2");
    assert_eq!(sample.heartbeat, Duration::from_secs(1));
    assert_eq!(sample.endpoint.peer_timeout, Duration::from_secs(2));
    assert_eq!(parse("").unwrap(), Sample::default());
    assert_eq!(Sample::default().endpoint.name(), "127.0.0.1:7070");
    assert_eq!(Sample::EXPECTED, "a table headed `[[sample]]`");
}

#[test]
#[cfg(feature = "tls")]
fn every_shared_key_is_parsed() {
    let sample = parse(
        r#"
        listen = ["0.0.0.0:7070", "unix:/run/x.sock", "systemd:mypoll"]
        mode = "0660"
        group = "mypoll"
        tls = { certificate = "/c", key = "/k", client-ca = "/a" }
        tokens = "/t"
        max-clients = 1000
        send-buffer = 4096
        peer-timeout = "1day"
        "#,
    )
    .unwrap();
    let endpoint = sample.endpoint;
    assert_eq!(endpoint.listen.len(), 3);
    assert_eq!(endpoint.mode, Some(0o660));
    assert_eq!(endpoint.group.as_deref(), Some("mypoll"));
    let tls = endpoint.tls.unwrap();
    assert_eq!(tls.client_ca.as_deref(), Some("/a".as_ref()));
    assert_eq!(endpoint.tokens.as_deref(), Some("/t".as_ref()));
    assert_eq!((endpoint.max_clients, endpoint.send_buffer), (1000, 4096));
    assert!(parse("listen = '0.0.0.0:1'\ninsecure = true\ncontrol = true").is_ok());
}

#[test]
fn every_error_has_its_message() {
    for (text, problem) in [
        (
            "listen = '7070'",
            "invalid value: string \"7070\", expected an address such as",
        ),
        (
            "listen = []",
            "invalid length 0, expected an address such as",
        ),
        (
            "listen = 7070",
            "invalid type: integer `7070`, expected an address such as",
        ),
        (
            "listen = ['[::1]:1', 'x']",
            "invalid value: string \"x\", expected an address such as",
        ),
        ("listen = ['[::1]:1', '[::1]:1']", "[::1]:1 is listed twice"),
        (
            "mode = 660",
            "invalid type: integer `660`, expected permissions in octal, in quotes",
        ),
        (
            "mode = '0888'",
            "invalid value: string \"0888\", expected permissions in octal",
        ),
        (
            "mode = '4755'",
            "invalid value: string \"4755\", expected permissions in octal",
        ),
        (
            "mode = '+66'",
            "invalid value: string \"+66\", expected permissions in octal",
        ),
        (
            "mode = '0660'",
            "`mode` applies to Unix sockets, and `listen` has none",
        ),
        (
            "group = 'x'",
            "`group` applies to Unix sockets, and `listen` has none",
        ),
        (
            "group = ''",
            "invalid value: string \"\", expected the name or",
        ),
        (
            "tokens = ''",
            "invalid value: string \"\", expected the path of a file",
        ),
        (
            "tls = true",
            "invalid type: boolean `true`, expected a table such as { certificate =",
        ),
        ("tls = { certificate = '/c' }", "missing field `key`"),
        (
            "tls = { certificate = '/c', key = '/k', ca = '/a' }",
            "unknown field `ca`",
        ),
        (
            "control = true\ntokens = '/t'",
            "`control` and `tokens` exclude each other",
        ),
        (
            "max-clients = 0",
            "invalid value: integer `0`, expected a whole number from 1 to 1000",
        ),
        (
            "send-buffer = 1",
            "invalid value: integer `1`, expected a whole number from 4096 to",
        ),
        (
            "peer-timeout = '0s'",
            "invalid value: string \"0s\", expected a duration from \"1s\"",
        ),
        (
            "tcp = 1",
            "unknown field `tcp`, expected one of `listen`, `mode`",
        ),
    ] {
        let rejection = rejection(text);
        assert!(rejection.starts_with(problem), "{text}: {rejection}");
    }
}

#[test]
fn remote_access_requires_protection() {
    let open = |keys: &str| rejection(&format!("listen = 'board:1'\n{keys}"));
    let rejection = open("");
    assert!(
        rejection.starts_with("other machines can connect to board:1, and nothing authenticates them: add `tls` and `tokens`"),
        "{rejection}"
    );
    assert!(rejection.ends_with("set `insecure = true`"), "{rejection}");
    assert!(open("tokens = '/t'").contains("tokens would be sent unencrypted: add `tls`"));
    for listen in ["0.0.0.0:1", "[::]:1", "192.168.0.1:1"] {
        let rejection = self::rejection(&format!("listen = ['127.0.0.1:1', '{listen}']"));
        assert!(
            rejection.starts_with(&format!("other machines can connect to {listen}, ")),
            "{rejection}"
        );
        assert!(
            parse(&format!("listen = '{listen}'\ninsecure = true")).is_ok(),
            "{listen}"
        );
    }
    for listen in [
        "127.0.0.2:1",
        "[::1]:1",
        "localhost:1",
        "unix:/x",
        "systemd:x",
    ] {
        assert!(parse(&format!("listen = '{listen}'")).is_ok(), "{listen}");
    }
}

#[test]
#[cfg(feature = "tls")]
fn tls_also_requires_tokens_or_client_certificates() {
    let with = |tls: &str, keys: &str| {
        parse(&format!(
            "listen = '0.0.0.0:1'\ntls = {{ certificate = '/c', key = '/k'{tls} }}\n{keys}"
        ))
    };
    let rejection = with("", "").unwrap_err();
    assert!(
        rejection.contains("`tls` alone does not authenticate them: add `tokens`"),
        "{rejection}"
    );
    assert!(with("", "tokens = '/t'").is_ok());
    assert!(with(", client-ca = '/a'", "").is_ok());
    assert!(with("", "insecure = true").is_ok());
}

#[test]
#[cfg(not(feature = "tls"))]
fn a_build_without_tls_says_so() {
    let rejection = rejection("tls = { certificate = '/c', key = '/k' }");
    assert!(
        rejection.starts_with("this build of the agent lacks `tls`"),
        "{rejection}"
    );
}
