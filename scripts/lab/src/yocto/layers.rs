// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fetches bitbake and the layers with kas.

use std::path::Path;

use anyhow::Result;

use super::Yocto;
use super::builds::{Build, build};
use crate::deps::git;
use crate::store::step::Task;
use crate::store::unavailable::Unavailable;

/// The kas files that contain the URLs.
const KAS_FILES: [&str; 2] = [
    include_str!("../../../../kas/base.yml"),
    include_str!("../../../../kas/meta-raspberrypi.yml"),
];

/// A build that uses all layers.
const ALL: Build = build("layers", "raspberrypi4-64");

/// Checks that all repositories are either cloned into `folder` or reachable.
pub(super) fn check_available(folder: &Path) -> Result<()> {
    urls()
        .filter(|url| !folder.join(name(url)).exists())
        .try_for_each(check_reachable)
}

pub(super) fn fetch(yocto: &Yocto<'_>) -> Result<()> {
    let task = Task::new("yocto-layers", "fetching bitbake and the layers");
    let mut kas = yocto.kas(&ALL);
    kas.arg("checkout").arg(ALL.chain(&yocto.cache.paths.repo));
    let _lock = yocto.lock()?;
    yocto
        .cache
        .progress
        .step(yocto.cache.paths, &task, |log| log.run(&mut kas))
        // If all repositories are reachable, the cause is a wrong commit: our mistake.
        .or_else(|error| urls().try_for_each(check_reachable).and(Err(error)))
}

fn urls() -> impl Iterator<Item = &'static str> {
    KAS_FILES
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.trim().strip_prefix("url: "))
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

fn check_reachable(url: &str) -> Result<()> {
    git::why_unreachable(url).map_or(Ok(()), |reason| Err(Unavailable::because(reason).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_repositories_are_found() {
        let names: Vec<_> = urls().map(name).collect();
        let expected = [
            "bitbake",
            "openembedded-core",
            "meta-rust-bin",
            "meta-raspberrypi",
        ];
        assert_eq!(names, expected);
    }
}
