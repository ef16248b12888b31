// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that a request is meant for this agent: neither pages of other sites nor names bound to the agent's address
//! (DNS rebinding) may use a browser that can reach it.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
};

use hyper::{
    Method, StatusCode,
    header::{HOST, HeaderName, HeaderValue, ORIGIN},
    http::{request::Parts, uri::Authority},
};

use super::answer::Problem;
use crate::quote::{quote, quote_bytes};

/// Names and origins that the configuration allows besides this machine's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Allowed host names.
    pub(super) hosts: Vec<String>,
    /// Origins of web pages that may use the agent.
    pub(super) origins: Vec<String>,
}

impl Guard {
    /// Checks the target of a request and the page that sent it. Returns the page's origin if it is one of
    /// [`Guard::origins`].
    pub(super) fn check(&self, request: &Parts) -> Result<Option<HeaderValue>, Problem> {
        let host = host(request)?;
        if !self.is_ours(host.host()) {
            let sentence = format!(
                "this agent does not answer to the name {:?}; to allow it, add it to `hosts` in the section [[http]] of its \
                 configuration",
                quote(host.host())
            );
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, sentence));
        }
        let origin = request.headers.get(ORIGIN);
        if let Some(origin) = origin.filter(|origin| self.is_allowed(origin)) {
            return Ok(Some(origin.clone()));
        }
        // The browser's own header comes first: it knows the scheme, which a reverse proxy may have changed.
        let own = match (fetch(request, "sec-fetch-site"), origin) {
            (Some(site), _) => matches!(site, b"same-origin" | b"none") || is_link(request),
            (None, Some(origin)) => is_same(origin, &host),
            // Not a browser: they all send one of the headers with requests that could do harm.
            (None, None) => true,
        };
        if own {
            return Ok(None);
        }
        let sentence = format!(
            "pages of {} may not use this agent; to allow them, add them to `origins` in the section [[http]] of its \
             configuration",
            origin.map_or_else(
                || "another site".to_owned(),
                |origin| quote_bytes(origin.as_bytes())
            )
        );
        Err(Problem::new(StatusCode::FORBIDDEN, sentence))
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = host.strip_suffix('.').unwrap_or(host);
        let literal = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<Ipv4Addr>().is_ok()
            || literal.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
            || self
                .hosts
                .iter()
                .any(|ours| name.eq_ignore_ascii_case(ours))
            || is_host_name(name)
    }

    fn is_allowed(&self, origin: &HeaderValue) -> bool {
        self.origins
            .iter()
            .any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    }
}

/// The host that the request is for.
fn host(request: &Parts) -> Result<Authority, Problem> {
    let mut headers = request.headers.get_all(HOST).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(header), None) => header.to_str().ok(),
        _ => None,
    };
    request
        .uri
        .authority()
        .cloned()
        .or_else(|| header?.parse().ok())
        // Not `user@host`.
        .filter(|authority| !authority.as_str().contains('@'))
        .ok_or_else(|| {
            let sentence = "the request needs one header `Host` with a name or an address";
            Problem::new(StatusCode::BAD_REQUEST, sentence)
        })
}

/// Whether this is the machine's name, with or without mDNS's `.local`. Read each time, as it may be set after startup.
fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix(".local").unwrap_or(name);
    fs::read_to_string("/proc/sys/kernel/hostname")
        .is_ok_and(|host| !name.is_empty() && host.trim().eq_ignore_ascii_case(name))
}

fn fetch<'a>(request: &'a Parts, name: &'static str) -> Option<&'a [u8]> {
    request
        .headers
        .get(HeaderName::from_static(name))
        .map(HeaderValue::as_bytes)
}

/// Whether a link was followed or the address opened: that has no effect, and the other site cannot see the response.
fn is_link(request: &Parts) -> bool {
    request.method == Method::GET
        && fetch(request, "sec-fetch-mode") == Some(b"navigate")
        && fetch(request, "sec-fetch-dest") == Some(b"document")
}

/// Whether an origin is that of the agent's own page.
fn is_same(origin: &HeaderValue, host: &Authority) -> bool {
    let origin = origin.as_bytes();
    let after = |scheme: &str| origin.strip_prefix(scheme.as_bytes());
    after("http://")
        .or_else(|| after("https://"))
        .is_some_and(|origin| origin.eq_ignore_ascii_case(host.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn check(method: &str, headers: &[(&str, &str)]) -> Result<Option<HeaderValue>, u16> {
        let guard = Guard {
            hosts: vec!["board.example".to_owned()],
            origins: vec!["https://panel.example".to_owned()],
        };
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard
            .check(&request.body(()).unwrap().into_parts().0)
            .map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn only_own_names_are_answered() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.7.2",
            "LocalHost:1",
            "localhost.",
            "board.example:443",
        ] {
            assert_eq!(check("GET", &[("host", host)]), Ok(None), "{host}");
        }
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        for suffix in ["", ".local"] {
            let host = format!("{}{suffix}:80", machine.trim());
            assert_eq!(check("GET", &[("host", &host)]), Ok(None), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            ".local",
            "board.example.evil",
        ] {
            assert_eq!(check("GET", &[("host", host)]), Err(421), "{host}");
        }
        for host in ["", "a b", "user@127.0.0.1", "[::1"] {
            assert_eq!(check("GET", &[("host", host)]), Err(400), "{host:?}");
        }
        assert_eq!(check("GET", &[]), Err(400));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(check("GET", &twice), Err(400));
    }

    #[test]
    fn other_sites_pages_are_refused() {
        let with = |method, headers: &[(&'static str, &'static str)]| {
            check(method, &[&[("host", "localhost:80")][..], headers].concat())
        };
        for method in ["GET", "POST"] {
            assert_eq!(with(method, &[]), Ok(None));
            let own = ("origin", "http://localhost:80");
            assert_eq!(with(method, &[own]), Ok(None));
            assert_eq!(
                with(method, &[own, ("sec-fetch-site", "same-origin")]),
                Ok(None)
            );
            let allowed = ("origin", "https://panel.example");
            let cross = ("sec-fetch-site", "cross-site");
            assert_eq!(
                with(method, &[allowed, cross]),
                Ok(Some(HeaderValue::from_static("https://panel.example")))
            );
            for origin in [
                "null",
                "http://localhost",
                "http://localhost:8080",
                "https://panel.example.evil",
                "ftp://localhost:80",
            ] {
                assert_eq!(with(method, &[("origin", origin)]), Err(403), "{origin}");
            }
            assert_eq!(with(method, &[own, cross]), Err(403));
            assert_eq!(with(method, &[("sec-fetch-site", "same-site")]), Err(403));
        }
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(with("GET", &link), Ok(None));
        assert_eq!(with("POST", &link), Err(403));
        let frame = [link[0], link[1], ("sec-fetch-dest", "iframe")];
        assert_eq!(with("GET", &frame), Err(403));
    }
}
