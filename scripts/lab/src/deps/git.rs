// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other people's Git repositories.

use std::io::ErrorKind;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::store::step::children;

/// The distribution's git, which kas finds, too: another one may have another configuration.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why git can't get `url`, if it can't: a sentence.
pub fn why_unreachable(url: &str) -> Result<Option<String>> {
    let mut list = Command::new("git");
    list.args(["ls-remote", "--quiet", url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PATH", PATH);
    let listed = children::within("git ls-remote", PATIENCE, || children::output(&mut list));
    let reason = match listed {
        Ok(listed) if listed.status.success() => return Ok(None),
        Ok(listed) => listed.stderr.lines().next().unwrap_or_default().to_owned(),
        Err(error) if error.kind() == ErrorKind::TimedOut => error.to_string(),
        Err(error) => return Err(error).context("can't start git"),
    };
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
