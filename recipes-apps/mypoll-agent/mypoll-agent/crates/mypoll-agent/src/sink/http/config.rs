// SPDX-License-Identifier: MIT OR Apache-2.0
//! The section `[[http]]`.

use hyper::Uri;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{command::Control, net, quote::quote};

net::section! {
    /// `[[http]]`
    pub struct Config("a table headed `[[http]]`", listen = "127.0.0.1:8080") {
        /// Orders that clients with the role `control` may give. Default: all, `["trigger", "timer", "output"]`.
        pub orders: Vec<Control> = vec![Control::Trigger, Control::Timer, Control::Output],
        /// Host names that the agent answers to, besides `localhost`, the machine's own names and IP addresses. Default: none.
        #[serde(deserialize_with = "hosts")]
        pub hosts: Vec<String> = Vec::new(),
        /// Origins of web pages that may use the agent, such as `https://panel.example`. Default: none.
        #[serde(deserialize_with = "origins")]
        pub origins: Vec<String> = Vec::new(),
    }
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let is_host = |text: &str| {
        let authority: Option<hyper::http::uri::Authority> = text.parse().ok();
        authority.is_some_and(|authority| authority.host() == text)
    };
    let expected = r#"the name of a host without a port such as "board.example""#;
    each(deserializer, is_host, expected)
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let is_origin = |text: &str| {
        text.parse().is_ok_and(|uri: Uri| {
            let scheme = uri.scheme_str().unwrap_or_default();
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            // Without a path: an origin has none, not even `/`.
            text == format!("{scheme}://{authority}") && !authority.contains('@')
        })
    };
    let expected = r#"an origin such as "https://panel.example" or "http://panel.example:8000""#;
    each(deserializer, is_origin, expected)
}

fn each<'de, D: Deserializer<'de>>(
    deserializer: D,
    is_right: impl Fn(&str) -> bool,
    expected: &str,
) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    match texts.iter().find(|text| !is_right(text)) {
        None => Ok(texts),
        Some(wrong) => Err(D::Error::custom(format_args!(
            "expected {expected}, not {:?}",
            quote(wrong)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn keys_are_parsed() {
        let config = parse(
            "orders = ['output']\nhosts = ['board.example']\norigins = ['https://a.b', 'http://[::1]:80']",
        )
        .unwrap();
        assert_eq!(config.orders, [Control::Output]);
        assert_eq!(config.hosts, ["board.example"]);
        assert_eq!(config.origins, ["https://a.b", "http://[::1]:80"]);
        assert_eq!(parse("").unwrap(), Config::default());
        assert_eq!(Config::default().endpoint.name(), "127.0.0.1:8080");
    }

    #[test]
    fn invalid_values_are_reported() {
        for (text, said) in [
            (
                "orders = ['reboot']",
                "unknown variant `reboot`, expected one of `trigger`, `timer`, `output`",
            ),
            (
                "hosts = ['a:80']",
                "expected the name of a host without a port",
            ),
            ("hosts = ['']", "expected the name of a host"),
            ("origins = ['panel.example']", "expected an origin such as"),
            (
                "origins = ['https://panel.example/']",
                "not \"https://panel.example/\"",
            ),
            ("origins = ['*']", "expected an origin"),
            ("origins = ['https://a@b']", "expected an origin"),
            ("control = ['trigger']", "expected a boolean"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
