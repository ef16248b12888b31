// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other people's Git repositories.

use std::process::Command;

use anyhow::{Context, Result};

/// The distribution's git, which kas finds, too: another one may have another configuration.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Why git can't get `url`, if it can't: a sentence.
pub fn why_unreachable(url: &str) -> Result<Option<String>> {
    let listed = Command::new("timeout")
        .args(["60", "git", "ls-remote", "--quiet", url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PATH", PATH)
        .output()
        .context("can't start timeout")?;
    if listed.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&listed.stderr);
    let reason = said.lines().next().unwrap_or("no answer within a minute");
    Ok(Some(format!("git can't get {url}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_reached_is_named_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/nothing", dir.path().display());
        let reason = why_unreachable(&url).unwrap().unwrap();
        let start = format!("git can't get {url}: ");
        assert!(reason.len() > start.len(), "{reason}");
        assert!(reason.starts_with(&start), "{reason}");
    }

    #[test]
    fn what_is_there_can_be_reached() {
        let dir = tempfile::tempdir().unwrap();
        let mut init = Command::new("git");
        assert!(
            init.args(["init", "--quiet"])
                .arg(dir.path())
                .status()
                .unwrap()
                .success()
        );
        let url = dir.path().to_str().unwrap();
        assert_eq!(why_unreachable(url).unwrap(), None);
    }
}
