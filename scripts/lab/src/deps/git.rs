// SPDX-License-Identifier: MIT OR Apache-2.0
//! External Git repositories.

use std::process::Command;
use std::time::Duration;

use crate::store::step::children;

/// PATH to find the distribution's git, like kas does: another git may have another configuration.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Time limit for a server's answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The reason why git can't read the repository at `url`, or None if it can.
pub fn why_unreachable(url: &str) -> Option<String> {
    let mut list = Command::new("git");
    list.args(["ls-remote", "--quiet", url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PATH", PATH);
    let listed = children::within("git ls-remote", TIMEOUT, || children::output(&mut list));
    let reason = format!("{:#}", listed.err()?);
    let first = reason.lines().next().unwrap_or_default();
    Some(format!("git can't read {url}: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachable_repositories_are_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/nothing", dir.path().display());
        let reason = why_unreachable(&url).unwrap();
        assert!(
            reason.starts_with(&format!("git can't read {url}: git failed: fatal: ")),
            "{reason}"
        );
        let mut init = Command::new("git");
        children::output(init.args(["init", "--quiet"]).arg(dir.path())).unwrap();
        assert_eq!(why_unreachable(dir.path().to_str().unwrap()), None);
    }
}
