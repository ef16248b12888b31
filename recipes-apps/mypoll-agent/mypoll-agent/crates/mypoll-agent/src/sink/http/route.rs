// SPDX-License-Identifier: MIT OR Apache-2.0
//! Routes by URL path.

use hyper::StatusCode;

use super::{answer::Problem, query::decode};
use crate::command::Target;

/// The resource at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Icon,
    Events,
    Lines,
    Stats,
    Metrics,
    Health,
    Order(Target),
}

impl Route {
    /// Finds the resource at a path.
    pub(super) fn find(path: &str) -> Result<Self, Problem> {
        Ok(match path {
            "/" => Self::Page,
            "/icon.svg" => Self::Icon,
            "/events" => Self::Events,
            "/lines" => Self::Lines,
            "/stats" => Self::Stats,
            "/metrics" => Self::Metrics,
            "/healthz" => Self::Health,
            "/trigger" => Self::Order(Target::Trigger),
            "/timer" => Self::Order(Target::Timer),
            _ => path
                .strip_prefix("/outputs/")
                .filter(|name| !name.is_empty() && !name.contains('/'))
                .and_then(|name| decode(name, false))
                .map(|name| Self::Order(Target::Output(name)))
                .ok_or_else(|| {
                    let sentence = "not found; the paths are: /, /events, /lines, /stats, /metrics, /healthz, \
                                    /trigger, /timer, /outputs/NAME";
                    Problem::new(StatusCode::NOT_FOUND, sentence)
                })?,
        })
    }

    /// Whether it takes orders; all others are for reading.
    pub(super) fn is_post(&self) -> bool {
        matches!(self, Self::Order(_))
    }

    /// The methods that it supports.
    pub(super) fn methods(&self) -> &'static str {
        if self.is_post() {
            "POST, OPTIONS"
        } else {
            "GET, HEAD, OPTIONS"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_or_not_found() {
        let output = Route::Order(Target::Output("front door/é".to_owned()));
        assert_eq!(Route::find("/outputs/front%20door%2F%C3%A9"), Ok(output));
        assert_eq!(Route::find("/events"), Ok(Route::Events));
        for path in [
            "",
            "/Events",
            "/events/",
            "/outputs/",
            "/outputs/a/b",
            "/outputs/%f",
            "//",
            "*",
        ] {
            assert_eq!(
                Route::find(path).unwrap_err().status,
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
