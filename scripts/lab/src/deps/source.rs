// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources that are downloaded: what `sources.toml` says of them, and getting them.

pub mod apt;
mod fetch;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::store::cache::{Cache, Product};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use apt::PrivateApt;
pub use fetch::FetchError;

/// `sources.toml`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The kernel that products have.
    pub kernel: Source,
    /// The newest kernel that the driver is for.
    #[serde(rename = "newer-kernel")]
    pub newer_kernel: Source,
    /// The guest's shell and usual commands.
    pub busybox: Source,
    /// The library that gpiomon comes with.
    pub libgpiod: Source,
}

/// One source: a tarball, from where it is at home or from Debian's archive.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its version, such as `6.18.15`.
    pub version: String,
    /// Where it is at home. Default: only Debian's archive is asked.
    pub upstream: Option<Upstream>,
    /// What Debian's archive holds of it. Default: nothing.
    pub debian: Option<DebianFile>,
}

/// The tarball as those publish it who write it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its canonical address, which ends with the file's name.
    pub url: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A file of one of Debian's source packages, or a binary package.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DebianFile {
    /// The suite whose index has it, such as `trixie`.
    pub suite: String,
    /// The package.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The file's name.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Where in the file, which is a binary package, the tarball lies. Default: the file is the tarball.
    pub tarball: Option<PathBuf>,
}

impl Catalog {
    /// The one that this program was built with.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../../sources.toml")).expect("a test parses it")
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Both kernels.
    pub fn kernels(&self) -> [&Source; 2] {
        [&self.kernel, &self.newer_kernel]
    }
}

impl Source {
    /// The name of the tarball, as it is at home if that is known.
    fn name(&self) -> &str {
        let upstream = self.upstream.as_ref().map(Upstream::name);
        let debian = || self.debian.as_ref().map(DebianFile::tarball_name);
        upstream.or_else(debian).unwrap_or(&self.version)
    }
}

impl Upstream {
    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

impl DebianFile {
    fn tarball_name(&self) -> &str {
        let inner = self.tarball.as_deref().and_then(Path::file_name);
        inner.and_then(OsStr::to_str).unwrap_or(&self.name)
    }
}

/// A source's tarball on this machine, its checksum verified.
#[derive(Clone, Debug)]
pub struct Tarball {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of the file that was fetched: the tarball, or the package it came in.
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
        let upstream = source.upstream.as_ref().map_or("", |file| &file.sha256);
        let debian = source.debian.as_ref().map_or("", |file| &file.sha256);
        let key = KeyBuilder::new("download")
            .text(upstream)
            .text(debian)
            .finish();
        Self { source, cache, key }
    }

    /// The tarball, fetched now if it is not here.
    ///
    /// # Errors
    /// When no place has it, or one gave something else: a sentence that says so.
    pub fn tarball(&self) -> Result<Tarball> {
        let folder = self.cache.ensure(self)?;
        let upstream = self.source.upstream.iter();
        let debian = self.source.debian.iter();
        upstream
            .map(|file| (file.name(), &file.sha256))
            .chain(debian.map(|file| (file.tarball_name(), &file.sha256)))
            .map(|(name, sha256)| Tarball {
                path: folder.join(name),
                sha256: sha256.clone(),
            })
            .find(|tarball| tarball.path.exists())
            .with_context(|| format!("{} holds no tarball: remove that folder", folder.display()))
    }

    fn fetch_from_upstream(&self, result: &Path, log: &mut Log) -> Result<(), FetchError> {
        let Some(file) = &self.source.upstream else {
            return Err(FetchError::Unreachable(
                "sources.toml names no place but Debian's archive".to_owned(),
            ));
        };
        fetch::fetch(&file.url, &file.sha256, &result.join(file.name()), log)
    }

    fn fetch_from_debian(&self, result: &Path, log: &mut Log) -> Result<(), FetchError> {
        let Some(file) = &self.source.debian else {
            return Err(FetchError::Unreachable(
                "Debian's archive does not hold it".to_owned(),
            ));
        };
        log.line("Trying Debian's archive.")
            .map_err(fetch::unreachable)?;
        PrivateApt::open(&self.cache.paths.cache, log)
            .and_then(|apt| apt.fetch_file(file, result, log))
            .map_err(fetch::unreachable)?;
        fetch::verify(&result.join(&file.name), &file.sha256)
    }

    /// Takes the tarball out of the package it came in, if it did.
    fn take_out(&self, result: &Path, log: &mut Log) -> Result<()> {
        let Some(file) = &self.source.debian else {
            return Ok(());
        };
        let Some(tarball) = &file.tarball else {
            return Ok(());
        };
        let package = result.join(&file.name);
        let unpacked = result.join("unpacked");
        log.run(
            Command::new("dpkg-deb")
                .arg("--extract")
                .args([&package, &unpacked]),
        )?;
        fs::rename(unpacked.join(tarball), result.join(file.tarball_name()))
            .with_context(|| format!("{} has no {}", file.name, tarball.display()))?;
        fs::remove_file(&package)
            .and_then(|()| fs::remove_dir_all(&unpacked))
            .with_context(|| format!("can't remove what is left of {}", package.display()))
    }
}

impl Product for Download<'_> {
    fn task(&self) -> Task {
        Task::new("download", format!("fetching {}", self.source.name()))
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn keep(&self) -> usize {
        8
    }

    fn make(&self, result: &Path, log: &mut Log) -> Result<()> {
        let canonical = match self.fetch_from_upstream(result, log) {
            Err(FetchError::Unreachable(reason)) => reason,
            fetched => return Ok(fetched?),
        };
        match self.fetch_from_debian(result, log) {
            Err(FetchError::Unreachable(debian)) => {
                bail!("can't fetch {}: {canonical}; {debian}", self.source.name())
            }
            fetched => {
                fetched?;
                self.take_out(result, log)
            }
        }
    }
}

/// Unpacks a tarball into `folder`, without the tarball's own top folder.
pub(crate) fn unpack(tarball: &Path, folder: &Path, log: &mut Log) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))?;
    let mut tar = Command::new("tar");
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
    use crate::{Paths, Progress};

    #[test]
    fn the_built_in_catalog_is_right() {
        let catalog = Catalog::built_in();
        let others = [&catalog.busybox, &catalog.libgpiod];
        for source in catalog.kernels().into_iter().chain(others) {
            let (upstream, debian) = (source.upstream.as_ref(), source.debian.as_ref());
            assert!(upstream.is_some() || debian.is_some(), "{source:?}");
            assert!(
                upstream.is_none_or(|file| file.name().contains(&source.version)),
                "{source:?}"
            );
            assert!(
                debian.is_none_or(|file| file.version.contains(&source.version)),
                "{source:?}"
            );
            for sha256 in upstream
                .map(|file| &file.sha256)
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
    fn a_source_that_can_not_be_fetched_is_an_error_of_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().to_owned(),
        };
        let source = Source {
            version: "6.18.15".to_owned(),
            upstream: Some(Upstream {
                url: "file:///no/such/linux-6.18.15.tar.xz".to_owned(),
                sha256: String::new(),
            }),
            debian: None,
        };
        let cache = Cache {
            paths: &paths,
            progress: &Progress::default(),
        };
        let error = Download::new(cache, &source).tarball().unwrap_err();
        assert_eq!(
            error.root_cause().to_string(),
            "can't fetch linux-6.18.15.tar.xz: file:///no/such/linux-6.18.15.tar.xz: \
             curl ended with status 37; Debian's archive does not hold it"
        );
    }

    #[test]
    fn a_tarball_is_taken_out_of_its_package() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().join("cache"),
        };
        fs::create_dir(&paths.cache).unwrap();
        let result = dir.path().join("result");
        let package = dir.path().join("package");
        for folder in [&result, &package.join("DEBIAN"), &package.join("usr/src")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(
            package.join("DEBIAN/control"),
            "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n",
        )
        .unwrap();
        fs::write(package.join("usr/src/x.tar"), "tarball").unwrap();
        let source = Source {
            version: "1".to_owned(),
            upstream: None,
            debian: Some(DebianFile {
                suite: "trixie".to_owned(),
                package: "x".to_owned(),
                version: "1".to_owned(),
                name: "x_1_all.deb".to_owned(),
                sha256: String::new(),
                tarball: Some("usr/src/x.tar".into()),
            }),
        };
        let progress = Progress::default();
        let cache = Cache {
            paths: &paths,
            progress: &progress,
        };
        let mut build = Command::new("dpkg-deb");
        build
            .arg("--build")
            .args([&package, &result.join("x_1_all.deb")]);
        progress
            .step(&paths, &Task::new("test", "testing"), |log| {
                log.run(&mut build)?;
                Download::new(cache, &source).take_out(&result, log)
            })
            .unwrap();
        let left: Vec<_> = fs::read_dir(&result)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["x.tar"]);
        assert_eq!(fs::read(result.join("x.tar")).unwrap(), b"tarball");
    }

    #[test]
    fn the_recipe_has_the_same_kernel_and_patches() {
        let linux = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes-kernel/linux");
        let recipe = fs::read_to_string(linux.join("linux-mypoll_6.18.bb")).unwrap();
        let Source {
            version, upstream, ..
        } = Catalog::built_in().kernel;
        let sha256 = upstream.unwrap().sha256;
        let line = format!("LINUX_MYPOLL_SHA256[{version}] = \"{sha256}\"");
        assert!(recipe.lines().any(|found| found == line), "{line}");
        let profile = fs::read_to_string(
            linux.join("../../meta-host-toolchain/conf/distro/include/mypoll-host-sources.inc"),
        )
        .unwrap();
        let preferred = format!("LINUX_MYPOLL_VERSION ?= \"{version}\"");
        assert!(profile.contains(&preferred), "{preferred}");
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
        let text = include_str!("../../sources.toml").replace("url =", "uri =");
        assert!(
            Catalog::parse(&text)
                .unwrap_err()
                .to_string()
                .contains("unknown field `uri`")
        );
    }
}
