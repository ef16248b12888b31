// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters in the path and query of a request.

use hyper::StatusCode;
use mypoll_protocol::Filter;

use super::answer::Problem;
use crate::{identity::SessionId, quote::quote};

/// The query of `/events`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) filter: Filter,
    /// The last event that the client has.
    pub(super) after: Option<(SessionId, u64)>,
    /// Whether to send the levels of all lines first.
    pub(super) levels: bool,
}

impl Query {
    /// Parses the part of the URL after `?`.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(key), Some(value)) = (decode(key, true), decode(value, true)) else {
                return Err(bad(format!(
                    "`{}` is not UTF-8, or has a `%` without two digits",
                    quote(pair)
                )));
            };
            parsed.take(&key, value)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, key: &str, value: String) -> Result<(), Problem> {
        match key {
            "source" => self.filter.source.push(value),
            "kind" => self.filter.kind.push(value),
            "label" => self.filter.label.push(value),
            "line" => {
                let line = value.parse().map_err(|_| {
                    bad(format!(
                        "`line` must be the number of a line, not {:?}",
                        quote(&value)
                    ))
                })?;
                self.filter.line.push(line);
            }
            "after" => self.after = Some(position(&value)?),
            "levels" => {
                self.levels = match value.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(bad(format!(
                            "`levels` must be true or false, not {:?}",
                            quote(&value)
                        )));
                    }
                }
            }
            _ => {
                let known = "source, kind, line, label, after, levels";
                return Err(bad(format!(
                    "unknown parameter `{}`; expected one of: {known}",
                    quote(key)
                )));
            }
        }
        Ok(())
    }
}

/// Parses an event's `id:`: the session and the number.
pub(super) fn position(text: &str) -> Result<(SessionId, u64), Problem> {
    text.split_once('-')
        .and_then(|(session, event)| Some((SessionId::parse(session)?, event.parse().ok()?)))
        .ok_or_else(|| {
            bad(format!(
                "expected the `id` of the last event, such as 0123456789abcdef-26, not {:?}",
                quote(text)
            ))
        })
}

/// Decodes percent-encoding; in a query `+` stands for a space.
pub(super) fn decode(text: &str, query: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                // Two digits fit.
                (digit()? * 16 + digit()?) as u8
            }
            b'+' if query => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn bad(sentence: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_parsed() {
        let query = "kind=rising&kind=level&line=3&label=front+d%c3%b6%C3%B6r%2b&levels=true\
                     &source=gpio&after=00ff00000000000a-26&";
        let expected = Query {
            filter: Filter {
                source: vec!["gpio".to_owned()],
                kind: vec!["rising".to_owned(), "level".to_owned()],
                line: vec![3],
                label: vec!["front döör+".to_owned()],
            },
            after: Some((SessionId([0, 0xff, 0, 0, 0, 0, 0, 10]), 26)),
            levels: true,
        };
        assert_eq!(Query::parse(query), Ok(expected));
        assert_eq!(Query::parse(""), Ok(Query::default()));
    }

    #[test]
    fn invalid_values_are_reported() {
        for (query, said) in [
            ("lin=3", "unknown parameter `lin`; expected one of: source"),
            ("line=x", "`line` must be the number of a line, not \"x\""),
            ("line", "not \"\""),
            ("levels=1", "`levels` must be true or false, not \"1\""),
            ("after=26", "such as 0123456789abcdef-26, not \"26\""),
            ("after=0123456789abcdef-x", "not \"0123456789abcdef-x\""),
            ("label=%4", "a `%` without two digits"),
            ("label=%zz", "a `%` without two digits"),
            ("label=%ff", "not UTF-8"),
        ] {
            let problem = Query::parse(query).unwrap_err();
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            assert!(problem.sentence.contains(said), "{query}: {problem:?}");
        }
        assert_eq!(decode("a+b%20c", false).unwrap(), "a+b c");
        let long = "x".repeat(10_000);
        for query in [
            long.clone(),
            format!("line={long}"),
            format!("levels={long}"),
            format!("after={long}"),
            format!("label={long}%"),
        ] {
            let sentence = Query::parse(&query).unwrap_err().sentence;
            assert!(sentence.len() < 400, "{sentence}");
        }
    }
}
