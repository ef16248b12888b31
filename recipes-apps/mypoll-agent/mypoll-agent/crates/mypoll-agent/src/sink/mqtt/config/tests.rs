// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valid and invalid `[[mqtt]]` sections.

use super::*;
use crate::config;

fn parse(text: &str) -> Result<Config, String> {
    let text = format!("[[mqtt]]\n{text}");
    config::Config::parse("a.toml".as_ref(), &text)
        .map(|config| config.mqtt[0].clone())
        .map_err(|error| error.to_string())
}

#[test]
fn only_broker_is_required() {
    let config = parse("broker = 'broker.example:1883'").unwrap();
    assert_eq!(config.broker.to_string(), "broker.example:1883");
    assert_eq!(
        (config.name.as_str(), config.version),
        ("broker", Version::V311)
    );
    assert_eq!(config.keep_alive, Duration::from_secs(60));
    assert_eq!(config.timeout, Duration::from_secs(10));
    assert_eq!((config.window, &config.topics), (64, &Topics::default()));
    assert!(config.filter.takes_all() && config.orders.is_empty());
    assert_eq!((config.tls, config.home_assistant), (None, None));
}

#[test]
fn every_key_is_parsed() {
    let config = parse(
        "broker = '[::1]:8883'\nversion = '5'\nname = 'cloud'\nclient-id = 'a'\nuser = 'b'\n\
         password-file = '/c'\nkeep-alive = '5s'\ntimeout = '1s'\nwindow = 1\n\
         filter = { kind = ['rising'] }\norders = ['trigger', 'timer', 'output']\n\
         tls = { ca = '/d', certificate = '/e', key = '/f', server-name = 'g' }\n\
         topics = { event = 'h' }\n[mqtt.home-assistant]\nprefix = 'i/j'\nname = 'k'",
    )
    .unwrap();
    assert_eq!(config.version, Version::V5);
    assert!(!config.filter.takes_all());
    assert_eq!(config.orders.len(), 3);
    let tls = config.tls.unwrap();
    assert_eq!(tls.own.unwrap().key.to_str(), Some("/f"));
    assert_eq!(tls.server_name.as_deref(), Some("g"));
    assert_eq!(config.home_assistant.unwrap().prefix, "i/j");
}

#[test]
fn invalid_values_are_refused_with_the_expected_form() {
    for (line, text, key, said) in [
        (1, "", "mqtt[0]", "missing field `broker`"),
        (2, "broker = 'broker.example'", "mqtt[0].broker", "such as"),
        (2, "broker = '0.0.0.0:1883'", "mqtt[0].broker", "such as"),
        (2, "broker = 'a:0'", "mqtt[0].broker", "the address of"),
        (2, "broker = 'systemd:a'", "mqtt[0].broker", "such as"),
        (2, "broker = 1883", "mqtt[0].broker", "such as"),
        (3, "version = '4'", "mqtt[0].version", r#""3.1.1" or "5""#),
        (3, "version = 5", "mqtt[0].version", r#""3.1.1" or "5""#),
        (3, "name = 'a/b'", "mqtt[0].name", "letters, digits"),
        (3, "client-id = ''", "mqtt[0].client-id", "1 to 256 bytes"),
        (3, "user = \"a\\u0000\"", "mqtt[0].user", "control"),
        (
            3,
            "password-file = ''",
            "mqtt[0].password-file",
            "the path of a file",
        ),
        (1, "password-file = '/a'", "mqtt[0]", "without `user`"),
        (3, "keep-alive = '4s'", "mqtt[0].keep-alive", "\"5s\" to"),
        (
            3,
            "keep-alive = '5500ms'",
            "mqtt[0].keep-alive",
            "whole seconds",
        ),
        (3, "timeout = '11min'", "mqtt[0].timeout", "\"10min\""),
        (3, "window = 0", "mqtt[0].window", "from 1 to 1000"),
        (
            3,
            "filter = { kind = ['press'] }",
            "mqtt[0].filter",
            "no kind `press`",
        ),
        (3, "filter = { k = [] }", "mqtt[0].filter", "unknown field"),
        (3, "orders = ['reboot']", "mqtt[0].orders", "`trigger`"),
        (3, "tls = true", "mqtt[0].tls", "a table such as"),
        (
            3,
            "tls = { key = '/a' }",
            "mqtt[0].tls",
            "without `certificate`",
        ),
        (
            3,
            "tls = { certificate = '/a' }",
            "mqtt[0].tls",
            "without `key`",
        ),
        (
            3,
            "topics = { event = 'a/+' }",
            "mqtt[0].topics.event",
            "the wildcard `+`",
        ),
        (
            3,
            "topics = { level = 'a' }",
            "mqtt[0].topics.level",
            "none of {label}, {line}",
        ),
        (
            3,
            "topics = { events = 'a' }",
            "mqtt[0].topics.events",
            "unknown field",
        ),
        (
            1,
            "topics = { event = 'a', missed = 'a' }",
            "mqtt[0]",
            "topics.missed is the same as topics.event",
        ),
        (
            1,
            "home-assistant = {}\ntopics = { event = 'a/{kind}' }",
            "mqtt[0]",
            "without {source} and {kind}",
        ),
        (
            3,
            "home-assistant = { prefix = 'a/#' }",
            "mqtt[0].home-assistant.prefix",
            "the beginning of topics",
        ),
        (
            3,
            "home-assistant = { name = '' }",
            "mqtt[0].home-assistant.name",
            "1 to 256 bytes",
        ),
        (
            3,
            "home-assistant = true",
            "mqtt[0].home-assistant",
            "[mqtt.home-assistant]",
        ),
        (3, "topic = 'a'", "mqtt[0].topic", "unknown field `topic`"),
    ] {
        let text = match text {
            "" => String::new(),
            text if text.starts_with("broker") => text.to_owned(),
            text => format!("broker = 'a:1883'\n{text}"),
        };
        let error = parse(&text).unwrap_err();
        assert!(
            error.starts_with(&format!("a.toml:{line}: {key}")) && error.contains(said),
            "{text}: {error}"
        );
    }
    let error = parse("broker = 'unix:/a'\ntls = {}").unwrap_err();
    assert!(error.contains("only for a network address"), "{error}");
}

#[test]
fn connections_need_different_names_and_client_ids() {
    let two = |more: &str| {
        parse(&format!(
            "broker = 'a:1883'\n[[mqtt]]\nbroker = 'a:1883'\n{more}"
        ))
    };
    let error = two("").unwrap_err();
    assert!(
        error.starts_with("a.toml:3: mqtt[1]: mqtt[0] already has the name `broker`"),
        "{error}"
    );
    let error = two("name = 'b'").unwrap_err();
    assert!(error.contains("expected another `client-id`"), "{error}");
    two("name = 'b'\nclient-id = 'c'").unwrap();
}
