// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live page, and its security policy.

use std::sync::LazyLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, X_FRAME_OPTIONS};
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, whole};

const PAGE: &str = include_str!("page.html");
const ICON: &str = include_str!("icon.svg");

/// Allows only the page's own style and script, and connections to the agent that served it.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = |tag: &str| BASE64_STANDARD.encode(Sha256::digest(inline(tag)));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash("style"),
        hash("script")
    );
    HeaderValue::try_from(policy).ok()
});

/// The content of the only element with this tag.
fn inline(tag: &str) -> &'static str {
    PAGE.split_once(&format!("<{tag}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")))
        .map_or("", |(text, _)| text)
}

/// The page.
pub(super) fn page() -> Answer {
    let mut page = whole("text/html; charset=utf-8", PAGE);
    let headers = page.headers_mut();
    headers.extend(
        POLICY
            .clone()
            .map(|policy| (CONTENT_SECURITY_POLICY, policy)),
    );
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    page
}

/// Its icon.
pub(super) fn icon() -> Answer {
    whole("image/svg+xml", ICON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_complete() {
        assert!(PAGE.len() < 25_000, "{} bytes", PAGE.len());
        for tag in ["style", "script"] {
            assert_eq!(PAGE.matches(&format!("<{tag}")).count(), 1);
            assert!(inline(tag).len() > 1000);
        }
        // Labels are untrusted, and the page must not load anything from elsewhere.
        for never in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "style=",
            "://",
        ] {
            assert!(!PAGE.contains(never), "{never}");
        }
    }
}
