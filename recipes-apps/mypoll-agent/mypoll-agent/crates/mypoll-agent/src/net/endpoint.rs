// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys shared by all sections that listen.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Address, Listeners};
use crate::{context::Context, section::table::Table};

/// Listen addresses and access control.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The addresses; at least one.
    pub listen: Vec<Address>,
    /// The mode of Unix sockets. Default: 0660.
    pub mode: Option<u32>,
    /// The group of Unix sockets, by name or number. Default: the agent's.
    pub group: Option<String>,
    /// TLS. Default: none.
    pub tls: Option<Tls>,
    /// The token file; clients must send one of its tokens. Default: none.
    pub tokens: Option<PathBuf>,
    /// Whether to accept remote clients without protection. Default: false.
    pub insecure: bool,
    /// Whether clients may send orders without tokens. Default: on Unix sockets only.
    pub control: Option<bool>,
    /// Maximum number of clients, 1 to 1000. Default: 64.
    pub max_clients: usize,
    /// Bytes that the kernel buffers for a client that does not read, 4096 to 4 MiB. Default: 64 KiB.
    pub send_buffer: usize,
    /// How long a TCP peer may acknowledge nothing, or keep its window closed, before it is dropped: 1 s to 1 day.
    /// Default: 60 s.
    pub peer_timeout: Duration,
}

/// `tls = { … }`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// The file with the certificate in PEM, followed by those of its issuers.
    #[serde(deserialize_with = "keys::path")]
    pub certificate: PathBuf,
    /// The file with the private key in PEM.
    #[serde(deserialize_with = "keys::path")]
    pub key: PathBuf,
    /// CA certificates in PEM; clients must present a certificate issued by one of them. Default: none.
    #[serde(default, deserialize_with = "keys::optional_path")]
    pub client_ca: Option<PathBuf>,
}

impl Table for Tls {
    const EXPECTED: &str = r#"a table such as { certificate = "/etc/mypoll-agent/cert.pem", key = "/etc/mypoll-agent/key.pem" }"#;
}

impl Endpoint {
    /// An endpoint that listens on `listen`, with defaults otherwise.
    pub fn new(listen: Address) -> Self {
        Self {
            listen: vec![listen],
            mode: None,
            group: None,
            tls: None,
            tokens: None,
            insecure: false,
            control: None,
            max_clients: 64,
            send_buffer: 64 << 10,
            peer_timeout: Duration::from_secs(60),
        }
    }

    /// The addresses, for names of sinks and for the log.
    pub fn name(&self) -> String {
        let addresses: Vec<_> = self.listen.iter().map(Address::to_string).collect();
        addresses.join(", ")
    }

    /// Listens, and reads certificates and tokens.
    ///
    /// # Errors
    ///
    /// A file is unreadable or invalid, or listening fails; the error names the key and what is expected.
    pub fn prepare(&self, context: &Context) -> anyhow::Result<Listeners> {
        Listeners::prepare(self, context)
    }
}

/// Deserializes the shared keys.
pub(crate) mod keys {
    use std::{fmt, path::PathBuf, time::Duration};

    use serde::{
        Deserializer,
        de::{Error, SeqAccess, Unexpected, Visitor},
    };

    use crate::{net::Address, section::value::parsed};

    /// An address or an array of them.
    pub(crate) fn listen<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Address>, D::Error> {
        struct Listen;

        impl<'de> Visitor<'de> for Listen {
            type Value = Vec<Address>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, or an array of such", Address::EXPECTED)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Address::parse(text)
                    .map(|address| vec![address])
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Self::Value, A::Error> {
                let mut addresses = Vec::new();
                while let Some(text) = texts.next_element::<String>()? {
                    let address = Address::parse(&text)
                        .ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&text), &self))?;
                    if addresses.contains(&address) {
                        return Err(A::Error::custom(format!("{address} is listed twice")));
                    }
                    addresses.push(address);
                }
                if addresses.is_empty() {
                    return Err(A::Error::invalid_length(0, &self));
                }
                Ok(addresses)
            }
        }

        deserializer.deserialize_any(Listen)
    }

    pub(crate) fn mode<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u32>, D::Error> {
        let expected = r#"permissions in octal, in quotes, such as "0660""#;
        parsed(deserializer, expected, |text| {
            let octal =
                (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            u32::from_str_radix(text, 8)
                .ok()
                .filter(|mode| octal && *mode <= 0o777)
        })
        .map(Some)
    }

    pub(crate) fn group<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let expected = r#"the name or, in quotes, the number of a group"#;
        parsed(deserializer, expected, |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })
        .map(Some)
    }

    /// How long a peer may acknowledge nothing: limited by the kernel's milliseconds.
    pub(crate) fn peer_timeout<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let expected = r#"a duration from "1s" to "1day", such as "60s""#;
        parsed(deserializer, expected, |text| {
            humantime::parse_duration(text).ok().filter(|duration| {
                (Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60)).contains(duration)
            })
        })
    }

    pub(crate) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        let expected = r#"the path of a file such as "/etc/mypoll-agent/cert.pem""#;
        parsed(deserializer, expected, |text| {
            (!text.is_empty()).then(|| text.into())
        })
    }

    pub(crate) fn optional_path<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        path(deserializer).map(Some)
    }
}

/// Defines a section of the configuration with the keys of [`Endpoint`] besides its own.
///
/// ```ignore
/// net::section! {
///     /// `[[stream]]`
///     pub struct Config("a table headed `[[stream]]`", listen = "127.0.0.1:7070") {
///         /// Sends a heartbeat after this long without an event. Default: 30 s.
///         #[serde(deserialize_with = "value::duration")]
///         pub heartbeat: Duration = Duration::from_secs(30),
///     }
/// }
/// ```
///
/// The struct also gets the field `endpoint`, and implements `Default`, `Deserialize` and `Table`.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $Name:ident($heading:literal, listen = $listen:literal) {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[serde($($serde:tt)*)])?
                pub $field:ident: $Type:ty = $default:expr,
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Name {
            /// Listen addresses and access control.
            pub endpoint: $crate::net::Endpoint,
            $($(#[doc = $field_doc])* pub $field: $Type,)*
        }

        const _: () = {
            use $crate::net::{Address, Endpoint, Tls};

            /// All keys as written: serde's `flatten` can't reject unknown ones.
            #[derive(serde::Deserialize)]
            #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
            struct Keys {
                #[serde(deserialize_with = "crate::net::keys::listen")]
                listen: Vec<Address>,
                #[serde(deserialize_with = "crate::net::keys::mode")]
                mode: Option<u32>,
                #[serde(deserialize_with = "crate::net::keys::group")]
                group: Option<String>,
                #[serde(deserialize_with = "crate::section::table::optional")]
                tls: Option<Tls>,
                #[serde(deserialize_with = "crate::net::keys::optional_path")]
                tokens: Option<std::path::PathBuf>,
                insecure: bool,
                control: Option<bool>,
                #[serde(deserialize_with = "crate::section::value::whole::<_, _, 1, 1000>")]
                max_clients: usize,
                #[serde(deserialize_with = "crate::section::value::whole::<_, _, 4096, 4194304>")]
                send_buffer: usize,
                #[serde(deserialize_with = "crate::net::keys::peer_timeout")]
                peer_timeout: std::time::Duration,
                $($(#[serde($($serde)*)])? $field: $Type,)*
            }

            impl Default for $Name {
                fn default() -> Self {
                    // A literal in the program; a test of each section parses it.
                    let listen = Address::parse($listen).unwrap_or(Address::Systemd(String::new()));
                    Self {
                        endpoint: Endpoint::new(listen),
                        $($field: $default,)*
                    }
                }
            }

            impl Default for Keys {
                fn default() -> Self {
                    let $Name { endpoint, $($field,)* } = $Name::default();
                    Self {
                        listen: endpoint.listen,
                        mode: endpoint.mode,
                        group: endpoint.group,
                        tls: endpoint.tls,
                        tokens: endpoint.tokens,
                        insecure: endpoint.insecure,
                        control: endpoint.control,
                        max_clients: endpoint.max_clients,
                        send_buffer: endpoint.send_buffer,
                        peer_timeout: endpoint.peer_timeout,
                        $($field,)*
                    }
                }
            }

            impl<'de> serde::Deserialize<'de> for $Name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let keys = <Keys as serde::Deserialize>::deserialize(deserializer)?;
                    let endpoint = Endpoint {
                        listen: keys.listen,
                        mode: keys.mode,
                        group: keys.group,
                        tls: keys.tls,
                        tokens: keys.tokens,
                        insecure: keys.insecure,
                        control: keys.control,
                        max_clients: keys.max_clients,
                        send_buffer: keys.send_buffer,
                        peer_timeout: keys.peer_timeout,
                    };
                    let endpoint = endpoint.checked().map_err(serde::de::Error::custom)?;
                    Ok(Self { endpoint, $($field: keys.$field,)* })
                }
            }

            impl $crate::section::table::Table for $Name {
                const EXPECTED: &str = $heading;
            }
        };
    };
}
pub(crate) use section;
