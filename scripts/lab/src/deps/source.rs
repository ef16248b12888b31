// SPDX-License-Identifier: MIT OR Apache-2.0
//! Downloads sources as listed in `sources.toml`.

pub mod apt;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::deps::host::output;
use crate::store::cache::{Cache, Product};
use crate::store::key::{KeyBuilder, hex};
use crate::store::step::{Log, Task};
use apt::PrivateApt;

/// `sources.toml`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The kernel of products.
    pub kernel: Source,
    /// The newest kernel that the driver supports.
    #[serde(rename = "newer-kernel")]
    pub newer_kernel: Source,
    /// The guest's shell and standard commands.
    pub busybox: Source,
    /// The library that contains gpiomon.
    pub libgpiod: Source,
}

/// A source tarball, from upstream or from Debian's archive.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its version, such as `6.18.15`.
    pub version: String,
    /// The upstream file. Default: only Debian's archive is used.
    pub upstream: Option<Upstream>,
    /// The file in Debian's archive. Default: only upstream is used.
    pub debian: Option<DebianFile>,
}

/// A tarball published by upstream.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its canonical URL, which ends with the file name.
    pub url: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A file of one of Debian's source packages, or a binary package.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DebianFile {
    /// The suite that contains it, such as `trixie`.
    pub suite: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The file's name.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The tarball's path in the file, if that is a binary package. Default: the file is the tarball.
    pub tarball: Option<PathBuf>,
}

impl Catalog {
    /// The catalog compiled into this program.
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
    /// The file name of the tarball, preferably upstream's.
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

/// A local tarball with a verified checksum.
#[derive(Clone, Debug)]
pub struct Tarball {
    /// Its path.
    pub path: PathBuf,
    /// The SHA-256 of the fetched file: the tarball, or the package that contains it.
    pub sha256: String,
}

/// Fetches the tarball of a source unless it is in the cache.
///
/// # Errors
/// No origin provides it, or its checksum is wrong.
pub fn tarball(cache: Cache<'_>, source: &Source) -> Result<Tarball> {
    let (upstream, debian) = (source.upstream.as_ref(), source.debian.as_ref());
    let key = KeyBuilder::new("download")
        .text(upstream.map_or("", |file| &file.sha256))
        .text(debian.map_or("", |file| &file.sha256));
    let task = Task::new("download", format!("fetching {}", source.name()));
    let product = Product::new(task, key).keep(8);
    let folder = cache.ensure(&product, |result, log| fetch(cache, source, result, log))?;
    upstream
        .map(|file| (file.name(), &file.sha256))
        .into_iter()
        .chain(debian.map(|file| (file.tarball_name(), &file.sha256)))
        .map(|(name, sha256)| Tarball {
            path: folder.join(name),
            sha256: sha256.clone(),
        })
        .find(|tarball| tarball.path.exists())
        .with_context(|| {
            format!(
                "{} contains no tarball: remove this folder",
                folder.display()
            )
        })
}

/// Fetches the tarball from the first reachable origin.
fn fetch(cache: Cache<'_>, source: &Source, result: &Path, log: &mut Log) -> Result<()> {
    let mut reasons = Vec::new();
    if let Some(upstream) = &source.upstream {
        let file = result.join(upstream.name());
        match curl(&upstream.url, &file) {
            Ok(()) => return verify(&file, &upstream.sha256),
            Err(error) => reasons.push(format!("{}: {error:#}", upstream.url)),
        }
        log.line(&reasons[0])?;
    }
    if let Some(debian) = &source.debian {
        log.line("Trying Debian's archive.")?;
        let fetched = PrivateApt::open(&cache.paths.cache, log)
            .and_then(|apt| apt.fetch_file(debian, result, log));
        match fetched {
            Ok(()) => {
                verify(&result.join(&debian.name), &debian.sha256)?;
                return extract(debian, result, log);
            }
            Err(error) => reasons.push(format!("{error:#}")),
        }
    }
    bail!("can't fetch {}: {}", source.name(), reasons.join("; "))
}

/// Downloads with curl, which uses this machine's proxies and certificates.
fn curl(url: &str, file: &Path) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error"])
        // An unreachable site must not block: 5 s to connect, and at least 1 kB/s over 30 s.
        .args(["--connect-timeout", "5", "--speed-limit", "1000"])
        .args(["--speed-time", "30", "--remove-on-error", "--output"])
        .arg(file)
        .args(["--", url]);
    output(&mut curl).map(drop)
}

fn verify(file: &Path, expected: &str) -> Result<()> {
    let mut hash = Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut hash)?;
    let actual = hex(&hash.finalize());
    ensure!(
        actual == expected,
        "{} has the wrong checksum\n  expected sha256 {expected}\n  actual sha256   {actual}\n  the file was removed",
        file.file_name().unwrap_or_default().to_string_lossy()
    );
    Ok(())
}

/// Extracts the tarball from its package, if it is in one.
fn extract(file: &DebianFile, result: &Path, log: &mut Log) -> Result<()> {
    let Some(tarball) = &file.tarball else {
        return Ok(());
    };
    let (package, unpacked) = (result.join(&file.name), tempfile::tempdir_in(result)?);
    let mut dpkg_deb = Command::new("dpkg-deb");
    log.run(dpkg_deb.arg("--extract").arg(&package).arg(unpacked.path()))?;
    fs::rename(
        unpacked.path().join(tarball),
        result.join(file.tarball_name()),
    )?;
    Ok(fs::remove_file(&package)?)
}

/// Unpacks a tarball into `folder`, without the tarball's top folder.
pub(crate) fn unpack(tarball: &Path, folder: &Path, log: &mut Log) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--no-same-owner"])
        .arg("--file")
        .arg(tarball)
        .arg("--directory")
        .arg(folder);
    log.run(&mut tar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Paths, Progress};

    #[test]
    fn the_built_in_catalog_is_valid() {
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

    /// Fetches `name` from a folder that contains a file "abc" with the text "abc".
    fn fetched(sha256: &str, name: &str) -> Result<Vec<u8>> {
        let dir = tempfile::tempdir()?;
        let paths = Paths::both_in(dir.path());
        fs::write(dir.path().join("abc"), "abc")?;
        let source = Source {
            version: "1".to_owned(),
            upstream: Some(Upstream {
                url: format!("file://{}/{name}", dir.path().display()),
                sha256: sha256.to_owned(),
            }),
            debian: None,
        };
        let progress = Progress::default();
        let cache = Cache::new(&paths, &progress);
        Ok(fs::read(tarball(cache, &source)?.path)?)
    }

    #[test]
    fn fetched_files_are_verified() {
        // SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fetched(abc, "abc").unwrap(), b"abc");
        let error = fetched("0", "abc").unwrap_err().to_string();
        assert!(error.contains(abc), "{error}");
        let error = fetched(abc, "none").unwrap_err();
        let reason = error.to_string();
        assert!(reason.contains("can't fetch none: file:///"), "{reason}");
        assert!(
            reason.contains("/none: curl failed: curl: (37) "),
            "{reason}"
        );
    }

    #[test]
    fn a_tarball_is_extracted_from_its_package() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::both_in(dir.path());
        let (result, package) = (dir.path().join("result"), dir.path().join("package"));
        for folder in [&result, &package.join("DEBIAN"), &package.join("usr/src")] {
            fs::create_dir_all(folder).unwrap();
        }
        let control =
            "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n";
        fs::write(package.join("DEBIAN/control"), control).unwrap();
        fs::write(package.join("usr/src/x.tar"), "tarball").unwrap();
        let file = DebianFile {
            suite: "trixie".to_owned(),
            package: "x".to_owned(),
            version: "1".to_owned(),
            name: "x_1_all.deb".to_owned(),
            sha256: String::new(),
            tarball: Some("usr/src/x.tar".into()),
        };
        let mut build = Command::new("dpkg-deb");
        build
            .arg("--build")
            .args([&package, &result.join("x_1_all.deb")]);
        Progress::default()
            .step(&paths, &Task::new("test", "testing"), |log| {
                log.run(&mut build)?;
                extract(&file, &result, log)
            })
            .unwrap();
        let left = fs::read_dir(&result).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
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
