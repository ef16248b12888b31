// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other people's Git repositories.

use std::process::Command;
use std::time::Duration;

use crate::store::step::children;

/// The distribution's git, which kas finds, too: another one may have another configuration.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why git can't get `url`, if it can't: a sentence.
pub fn why_unreachable(url: &str) -> Option<String> {
    let mut list = Command::new("git");
    list.args(["ls-remote", "--quiet", url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PATH", PATH);
    let listed = children::within("git ls-remote", PATIENCE, || children::output(&mut list));
    let reason = format!("{:#}", listed.err()?);
    let first = reason.lines().next().unwrap_or_default();
    Some(format!("git can't get {url}: {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_reached_is_named_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/nothing", dir.path().display());
        let reason = why_unreachable(&url).unwrap();
        assert!(
            reason.starts_with(&format!("git can't get {url}: git failed: fatal: ")),
            "{reason}"
        );
        let mut init = Command::new("git");
        children::output(init.args(["init", "--quiet"]).arg(dir.path())).unwrap();
        assert_eq!(why_unreachable(dir.path().to_str().unwrap()), None);
    }
}
