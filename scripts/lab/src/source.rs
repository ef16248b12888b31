// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources that are downloaded: what `sources.toml` says of them, and getting them.

pub mod apt;
mod fetch;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use thiserror::Error;

use crate::cache::{Cache, Product};
use crate::key::{Key, KeyBuilder};
use crate::step::{Log, Task};
use apt::PrivateApt;
pub use fetch::FetchError;

/// `sources.toml`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The kernels, the preferred one first.
    #[serde(rename = "kernel")]
    pub kernels: Vec<Source>,
    /// The guest's shell and usual commands.
    pub busybox: Source,
}

/// One source: a tarball, from where it is at home or from Debian's archive.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its version, such as `6.18.15`.
    pub version: String,
    /// The tarball's file name.
    pub name: String,
    /// Its canonical address.
    pub url: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// What Debian's archive holds of it. Default: nothing.
    pub debian: Option<DebianFile>,
}

/// A file of one of Debian's source packages.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DebianFile {
    /// The suite whose index has it, such as `trixie`.
    pub suite: String,
    /// The source package.
    pub package: String,
    /// The source package's version.
    pub version: String,
    /// The file's name.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A source can't be had: neither its own site nor Debian's archive gave it.
#[derive(Debug, Error)]
#[error("{name} can't be had: {canonical}; {debian}")]
pub struct Unavailable {
    name: String,
    canonical: String,
    debian: String,
}

impl Unavailable {
    /// `name` with the reasons of both places.
    pub(crate) fn new(name: &str, canonical: impl Into<String>, debian: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            canonical: canonical.into(),
            debian: debian.into(),
        }
    }
}

impl Catalog {
    /// The one that this program was built with.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../sources.toml")).expect("a test parses it")
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The kernel of that version.
    pub fn kernel(&self, version: &str) -> Option<&Source> {
        self.kernels.iter().find(|kernel| kernel.version == version)
    }

    /// Every kernel's version, the preferred one first.
    pub fn kernel_versions(&self) -> impl Iterator<Item = &str> {
        self.kernels.iter().map(|kernel| kernel.version.as_str())
    }
}

/// A source's tarball on this machine, its checksum verified.
#[derive(Clone, Debug)]
pub struct Tarball {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
}

/// Getting a source's tarball.
#[derive(Debug)]
pub struct Download<'a> {
    source: &'a Source,
    cache: Cache<'a>,
    key: Key,
}

impl<'a> Download<'a> {
    /// Describes it; nothing is fetched yet.
    pub fn new(cache: Cache<'a>, source: &'a Source) -> Self {
        let debian = source.debian.as_ref().map_or("", |file| &file.sha256);
        let key = KeyBuilder::new("download")
            .text(&source.sha256)
            .text(debian)
            .finish();
        Self { source, cache, key }
    }

    /// The tarball, fetched now if it is not here.
    ///
    /// # Errors
    /// [`Unavailable`] when no place has it, [`FetchError::Checksum`] when one gave something else.
    pub fn tarball(&self) -> Result<Tarball> {
        let folder = self.cache.ensure(self)?;
        let debian = self
            .source
            .debian
            .as_ref()
            .map(|file| (&file.name, &file.sha256));
        [(&self.source.name, &self.source.sha256)]
            .into_iter()
            .chain(debian)
            .map(|(name, sha256)| Tarball {
                path: folder.join(name),
                sha256: sha256.clone(),
            })
            .find(|tarball| tarball.path.exists())
            .with_context(|| format!("{} holds no tarball: remove that folder", folder.display()))
    }

    fn fetch_from_debian(&self, result: &Path, log: &mut Log) -> Result<(), FetchError> {
        let Some(file) = &self.source.debian else {
            return Err(FetchError::Unreachable(
                "Debian's archive does not hold it".to_owned(),
            ));
        };
        log.line("Trying Debian's archive instead.")
            .map_err(fetch::unreachable)?;
        PrivateApt::open(&self.cache.paths.cache, log)
            .and_then(|apt| apt.fetch_source_file(file, result, log))
            .map_err(fetch::unreachable)?;
        fetch::verify(&result.join(&file.name), &file.sha256)
    }
}

impl Product for Download<'_> {
    fn task(&self) -> Task {
        Task::new("download", format!("fetching {}", self.source.name), 20)
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn keep(&self) -> usize {
        8
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let source = self.source;
        let canonical =
            match fetch::fetch(&source.url, &source.sha256, &result.join(&source.name), log) {
                Err(FetchError::Unreachable(reason)) => reason,
                result => return Ok(result?),
            };
        match self.fetch_from_debian(result, log) {
            Err(FetchError::Unreachable(debian)) => {
                Err(Unavailable::new(&source.name, canonical, debian).into())
            }
            result => Ok(result?),
        }
    }
}

/// Unpacks a tarball into `folder`, without the tarball's own top folder.
pub(crate) fn unpack(tarball: &Path, folder: &Path, log: &mut Log) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))?;
    let mut tar = std::process::Command::new("tar");
    tar.args([
        "--extract",
        "--strip-components=1",
        "--no-same-owner",
        "--file",
    ])
    .arg(tarball)
    .arg("--directory");
    Ok(log.run(tar.arg(folder))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalog_is_right() {
        let catalog = Catalog::built_in();
        assert_eq!(catalog.kernel_versions().next(), Some("6.18.15"));
        assert!(catalog.kernel("6.18.99").is_none());
        for source in catalog.kernels.iter().chain([&catalog.busybox]) {
            assert!(
                source.url.ends_with(&format!("/{}", source.name)),
                "{source:?}"
            );
            assert!(source.name.contains(&source.version), "{source:?}");
            let debian = source.debian.as_ref();
            assert!(
                debian.is_none_or(|file| file.version.contains(&source.version)),
                "{source:?}"
            );
            for sha256 in [&source.sha256]
                .into_iter()
                .chain(debian.map(|file| &file.sha256))
            {
                assert!(
                    sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{sha256}"
                );
            }
        }
    }

    #[test]
    fn the_recipe_has_the_same_kernels_and_patches() {
        let linux = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes-kernel/linux");
        let recipe = fs::read_to_string(linux.join("linux-mypoll_6.18.bb")).unwrap();
        let of_recipe: Vec<_> = recipe
            .lines()
            .filter_map(|line| line.strip_prefix("LINUX_SHA256["))
            .collect();
        let kernels = Catalog::built_in().kernels;
        assert_eq!(of_recipe.len(), kernels.len());
        for Source {
            version, sha256, ..
        } in kernels
        {
            let line = format!("{version}] = \"{sha256}\"");
            assert!(of_recipe.contains(&line.as_str()), "{line}");
        }
        let preferred = format!(
            "LINUX_VERSION ?= \"{}\"",
            Catalog::built_in().kernels[0].version
        );
        assert!(recipe.contains(&preferred), "{preferred}");
        for patch in fs::read_dir(linux.join("files/patches")).unwrap() {
            let name = patch.unwrap().file_name().into_string().unwrap();
            assert!(
                recipe.contains(&format!("file://patches/{name} ")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_misspelled_key_is_named() {
        let text = include_str!("../sources.toml").replace("url =", "uri =");
        assert!(
            Catalog::parse(&text)
                .unwrap_err()
                .to_string()
                .contains("unknown field `uri`")
        );
    }
}
