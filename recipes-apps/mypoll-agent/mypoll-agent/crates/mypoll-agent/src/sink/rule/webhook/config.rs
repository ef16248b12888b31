// SPDX-License-Identifier: MIT OR Apache-2.0
//! `webhook = { … }`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use hyper::{
    Uri,
    header::{
        self, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName,
        HeaderValue, TRANSFER_ENCODING,
    },
};
use serde::{Deserialize, Deserializer};

use crate::{
    net::{Address, ClientTls, read_confidential},
    section::{
        table::{self, Table},
        value,
    },
};

/// The server to post to, and how.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct Config {
    /// The server.
    pub address: Address,
    /// TLS, if the URL is https.
    pub tls: Option<ClientTls>,
    /// Host and port, for the `Host` header.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
    /// The format of the body. Default: JSON.
    pub format: Format,
    /// Time limit for an attempt, above 0, at most 365 days. Default: 10 s.
    pub timeout: Duration,
    /// The longest pause between attempts: above 0, at most 365 days. Default: 5 minutes.
    pub longest_pause: Duration,
    /// A header that authenticates the agent. Default: none.
    pub secret: Option<Secret>,
}

/// The format of the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// The event.
    Json,
    /// The event in an envelope: CloudEvents 1.0, structured mode.
    CloudEvents,
    /// The event, and the envelope in headers: CloudEvents 1.0, binary mode.
    CloudEventsBinary,
}

/// A header whose value is read from a file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    #[serde(default = "authorization", deserialize_with = "header")]
    header: HeaderName,
    #[serde(deserialize_with = "value::path")]
    file: PathBuf,
}

impl Table for Config {
    const EXPECTED: &str = r#"a table such as { url = "https://hooks.example/bell" }"#;
}

impl Table for Secret {
    const EXPECTED: &str = r#"a table such as { file = "/etc/mypoll-agent/webhook" }"#;
}

/// `webhook` as written in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    #[serde(deserialize_with = "url")]
    url: Url,
    #[serde(default = "json", deserialize_with = "format")]
    format: Format,
    #[serde(default = "timeout", deserialize_with = "value::duration_above_zero")]
    timeout: Duration,
    #[serde(
        default = "longest_pause",
        deserialize_with = "value::duration_above_zero"
    )]
    longest_pause: Duration,
    #[serde(default, deserialize_with = "table::optional")]
    secret: Option<Secret>,
    #[serde(default, deserialize_with = "table::optional")]
    tls: Option<ClientTls>,
}

struct Url {
    is_https: bool,
    address: Address,
    authority: String,
    path: String,
}

const fn json() -> Format {
    Format::Json
}

const fn timeout() -> Duration {
    Duration::from_secs(10)
}

const fn longest_pause() -> Duration {
    Duration::from_secs(300)
}

fn authorization() -> HeaderName {
    AUTHORIZATION
}

impl TryFrom<Keys> for Config {
    type Error = &'static str;

    fn try_from(keys: Keys) -> Result<Self, Self::Error> {
        let Url {
            is_https,
            address,
            authority,
            path,
        } = keys.url;
        if is_https && cfg!(not(feature = "tls")) {
            return Err("this build of the agent lacks https: build it with the feature `tls`");
        }
        let tls = match (is_https, keys.tls) {
            (false, Some(_)) => {
                return Err("`tls` needs https: remove it, or use https in `url`");
            }
            (false, None) => None,
            (true, tls) => Some(tls.unwrap_or_default()),
        };
        Ok(Self {
            address,
            tls,
            authority,
            path,
            format: keys.format,
            timeout: keys.timeout,
            longest_pause: keys.longest_pause,
            secret: keys.secret,
        })
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let expected =
        r#"a URL such as "https://hooks.example:8443/bell?room=1", without user, password and `#`"#;
    value::parsed(deserializer, expected, |text| {
        let uri: Uri = text.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let host = uri.host()?;
        if host.is_empty() || authority.contains('@') || text.contains('#') {
            return None;
        }
        let port = match authority.strip_prefix(host)?.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None if is_https => 443,
            None => 80,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Url {
            is_https,
            address: match host.trim_matches(['[', ']']).parse::<IpAddr>() {
                Ok(ip) => Address::Ip((ip, port).into()),
                Err(_) => Address::Name(host.to_owned(), port),
            },
            authority: authority.to_owned(),
            path: path.to_owned(),
        })
    })
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
    let expected = r#""json", "cloudevents" or "cloudevents-binary""#;
    value::parsed(deserializer, expected, |word| match word {
        "json" => Some(Format::Json),
        "cloudevents" => Some(Format::CloudEvents),
        "cloudevents-binary" => Some(Format::CloudEventsBinary),
        _ => None,
    })
}

fn header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let expected = r#"the name of a header such as "Authorization" or "X-Api-Key", and none that the agent sends"#;
    const OURS: [HeaderName; 6] = [
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        TRANSFER_ENCODING,
        header::USER_AGENT,
    ];
    value::parsed(deserializer, expected, |text| {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        let is_ours = OURS.contains(&name) || name.as_str().starts_with("ce-");
        (!is_ours).then_some(name)
    })
}

impl Secret {
    /// The header with the trimmed content of the file.
    ///
    /// # Errors
    ///
    /// The file is unreadable, readable by others, or not a valid header value. The error does not repeat it.
    pub(super) fn read(&self) -> anyhow::Result<(HeaderName, HeaderValue)> {
        let bytes = read_confidential(&self.file)?;
        let value = bytes.trim_ascii();
        if value.is_empty() {
            anyhow::bail!(
                "{} is empty, expected the value of a header",
                self.file.display()
            );
        }
        let mut value = HeaderValue::from_bytes(value).with_context(|| {
            format!(
                "{} has more than one line of text, expected the value of a header",
                self.file.display()
            )
        })?;
        value.set_sensitive(true);
        Ok((self.header.clone(), value))
    }
}
