// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first line of a client.

use mypoll_protocol::{Order, Request, VERSION};
use serde_json::{Map, Value};

use crate::{
    filter::Filter,
    identity::SessionId,
    quote::{quote, quote_bytes},
};

/// A first line.
pub(super) enum First {
    Request(Box<Request>),
    /// A client that only gives orders needs no request.
    Order(Order),
}

/// The selection in a client's request. Default: all events since it connected.
pub(super) struct Selection {
    pub(super) filter: Filter,
    /// The session and number of the client's last event.
    pub(super) resume: Option<(SessionId, u64)>,
    /// Whether to send events.
    pub(super) events: bool,
}

impl First {
    /// # Errors
    ///
    /// Why the line is invalid.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let Ok(object) = serde_json::from_slice::<Map<String, Value>>(line) else {
            return Err(not_json(line));
        };
        let is_order = object.contains_key("order");
        if let Some(key) = object.keys().find(|key| is_order && *key != "order") {
            return Err(format!(
                "an order needs a separate line: send `{}` in a line before it",
                quote(key)
            ));
        }
        let object = Value::Object(object);
        let parsed = if is_order {
            serde_json::from_value(object).map(Self::Order)
        } else {
            serde_json::from_value(object).map(|request| Self::Request(Box::new(request)))
        };
        parsed.map_err(|error| {
            let error = error.to_string();
            format!("invalid first line: {}", quote(&error))
        })
    }

    /// The token in the request.
    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::Request(request) => request.token.as_deref(),
            Self::Order(_) => None,
        }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            resume: None,
            events: true,
        }
    }
}

impl Selection {
    /// # Errors
    ///
    /// Why the request is invalid.
    pub(super) fn new(request: Request) -> Result<Self, String> {
        if let Some(protocol) = request.protocol.filter(|version| *version != VERSION) {
            return Err(format!(
                "protocol: this agent supports version {VERSION}, not {protocol}"
            ));
        }
        let resume = request.resume.map(|resume| {
            let session = SessionId::parse(&resume.session).ok_or_else(|| {
                format!(
                    "resume.session: expected 16 hexadecimal digits, not `{}`",
                    quote(&resume.session)
                )
            })?;
            Ok::<_, String>((session, resume.event))
        });
        Ok(Self {
            filter: Filter::new(request.filter).map_err(|error| format!("filter: {error}"))?,
            resume: resume.transpose()?,
            events: request.events,
        })
    }
}

/// The error for a line that is not a JSON object.
pub(super) fn not_json(line: &[u8]) -> String {
    let what = match line {
        [0x16, 3, ..] => "TLS, but this listener has none (tls)".to_owned(),
        _ => format!("`{}`", quote_bytes(line)),
    };
    format!("the first line must be a JSON object such as {{\"levels\":true}}, not {what}")
}
