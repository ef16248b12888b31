// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bitbake and the layers, which kas clones if they are available.

use std::path::Path;

use anyhow::Result;

use super::Yocto;
use super::builds::{Build, build};
use crate::deps::git;
use crate::store::step::Task;
use crate::store::unavailable::Unavailable;

/// The files of `kas/` that name them.
const NAMED_IN: [&str; 2] = [
    include_str!("../../../../kas/base.yml"),
    include_str!("../../../../kas/meta-raspberrypi.yml"),
];

/// A build that has all of them.
const ALL: Build = build("layers", "raspberrypi4-64");

/// What was cloned into `folder` before need not be reached again.
pub(super) fn can_be_had(folder: &Path) -> Result<()> {
    urls()
        .filter(|url| !folder.join(name(url)).exists())
        .try_for_each(reachable)
}

pub(super) fn get(yocto: &Yocto<'_>) -> Result<()> {
    let task = Task::new("yocto-layers", "getting bitbake and the layers");
    let mut kas = yocto.kas(&ALL);
    kas.arg("checkout").arg(ALL.chain(&yocto.cache.paths.repo));
    let _lock = yocto.lock()?;
    yocto
        .cache
        .progress
        .step(yocto.cache.paths, &task, |log| log.run(&mut kas))
        // A commit that is missing where all can be reached is a mistake of ours.
        .or_else(|error| urls().try_for_each(reachable).and(Err(error)))
}

fn urls() -> impl Iterator<Item = &'static str> {
    NAMED_IN.into_iter().flat_map(urls_in)
}

fn urls_in(yaml: &str) -> impl Iterator<Item = &str> {
    yaml.lines()
        .filter_map(|line| line.trim().strip_prefix("url: "))
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

fn reachable(url: &str) -> Result<()> {
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
