// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sections as the configuration reads them, and connections as clients make them.

use crate::config::{table::Table as _, value};
use std::time::Duration;

super::section! {
    /// `[[sample]]`
    pub struct Sample("a table headed `[[sample]]`", listen = "127.0.0.1:7070") {
        /// A key of its own.
        #[serde(deserialize_with = "value::duration")]
        pub heartbeat: Duration = Duration::from_secs(30),
        /// Another, without an attribute.
        pub name: String = String::new(),
    }
}

fn parse(text: &str) -> Result<Sample, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
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
