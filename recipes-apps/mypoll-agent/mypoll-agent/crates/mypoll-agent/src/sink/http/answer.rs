// SPDX-License-Identifier: MIT OR Apache-2.0
//! Responses and their common headers.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use mypoll_protocol::Message;
use serde::Serialize;

use super::events::Events;

/// A response: complete, or an endless stream of events.
pub(super) type Answer = hyper::Response<Either<Full<Bytes>, Events>>;

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// The problem, and what is expected.
    pub(super) sentence: String,
    /// The header that this status requires: `Allow`, `WWW-Authenticate`, `Retry-After`.
    pub(super) header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self {
            status,
            sentence: sentence.into(),
            header: None,
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let message = Message::Error {
            error: problem.sentence,
        };
        let mut answer = json(problem.status, &message);
        answer.headers_mut().extend(problem.header);
        answer
    }
}

/// A value, as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // Neither writing to memory nor the types can fail.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    let mut answer = whole("application/json", text);
    *answer.status_mut() = status;
    answer
}

/// A complete text of the given type.
pub(super) fn whole(content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    with_headers(content_type, Either::Left(Full::new(text.into())))
}

/// A stream of events.
pub(super) fn stream(events: Events) -> Answer {
    with_headers("text/event-stream", Either::Right(events))
}

fn with_headers(content_type: &'static str, body: Either<Full<Bytes>, Events>) -> Answer {
    let mut answer = Answer::new(body);
    let headers: HeaderMap = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect();
    *answer.headers_mut() = headers;
    answer
}
