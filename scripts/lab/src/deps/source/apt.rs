// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fetches from Debian's archive with apt and private package lists, also from suites that this machine does not use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::DebianFile;
use crate::store::step::Log;

/// The suites to search: Debian 13 and its backports.
const SUITES: [&str; 2] = ["trixie", "trixie-backports"];

/// The keys of Debian's archive. If the file is missing, apt's default is used.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with its own state, in `CACHE/apt`. It does not change the machine's configuration.
#[derive(Debug)]
pub struct PrivateApt {
    state: PathBuf,
}

impl PrivateApt {
    /// Updates the package lists from the mirror that this machine's apt uses.
    pub fn open(cache: &Path, log: &mut Log) -> Result<Self> {
        let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
        let targets = log
            .output(Command::new("apt-get").args(["indextargets", "--format", format]))
            .context("apt can't reach Debian's archive")?;
        let Some(mirror) = main_archive(&targets) else {
            bail!(
                "apt has no lists of Debian's archive (on Debian, 'apt-get update' as root fetches them)"
            );
        };
        let apt = Self {
            state: cache.join("apt"),
        };
        for folder in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(apt.state.join(folder))?;
        }
        let list = apt.state.join("sources.list");
        fs::write(&list, sources_list(mirror, Path::new(KEYRING).exists()))?;
        log.run(apt.apt_get().arg("update"))
            .context("apt can't update the archive's lists")?;
        Ok(apt)
    }

    /// The archive's binary packages as lines of a sources.list.
    pub fn binary_packages(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.state.join("sources.list"))?;
        let lines = text.lines().filter(|line| line.starts_with("deb "));
        Ok(lines.map(str::to_owned).collect())
    }

    /// Fetches a binary package, or only the tarball of a source package, since the rest of an old version may be gone.
    pub fn fetch_file(&self, file: &DebianFile, folder: &Path, log: &mut Log) -> Result<()> {
        let package = format!("{}={}", file.package, file.version);
        let verb: &[&str] = match file.tarball {
            None => &["source", "--only-source", "--tar-only", "--download-only"],
            Some(_) => &["download"],
        };
        let mut fetch = self.apt_get();
        fetch.args(verb).arg(&package).current_dir(folder);
        log.run(&mut fetch)
            .with_context(|| format!("Debian's {} did not provide {package}", file.suite))
    }

    /// Fetches `package` with the upstream version `version` and unpacks it into `folder`.
    pub fn unpack_package(
        &self,
        package: &str,
        version: &str,
        folder: &Path,
        log: &mut Log,
    ) -> Result<()> {
        unpack(folder, log, |debs| {
            let mut download = self.apt_get();
            download
                .args(["download", &format!("{package}={version}*")])
                .current_dir(debs);
            download
        })
        .with_context(|| format!("Debian's archive does not provide {package} {version}"))
    }

    /// Fetches `package` and its dependencies, and unpacks them into `folder`.
    pub fn unpack_with_dependencies(
        &self,
        package: &str,
        folder: &Path,
        log: &mut Log,
    ) -> Result<()> {
        unpack(folder, log, |debs| {
            let mut download = self.apt_get();
            download
                .args(["install", "--yes", "--download-only"])
                .arg("--no-install-recommends")
                // Also download dependencies that are installed: they may be too old.
                .args(["-o", "Dir::State::status=/dev/null"])
                .args(["-o", &format!("Dir::Cache::archives={}", debs.display())])
                .arg(package);
            download
        })
    }

    fn apt_get(&self) -> Command {
        let mut command = Command::new("apt-get");
        for (option, path) in [
            ("Dir::State::Lists", self.state.join("lists")),
            ("Dir::Cache", self.state.clone()),
            ("Dir::Etc::SourceList", self.state.join("sources.list")),
            ("Dir::Etc::SourceParts", "-".into()),
            // Download as root: apt's own user can't enter these folders.
            ("APT::Sandbox::User", "root".into()),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", path.display()));
        }
        command
    }
}

/// Unpacks packages into `folder`. `download` returns the command that downloads them to a given folder.
pub(crate) fn unpack(
    folder: &Path,
    log: &mut Log,
    download: impl Fn(&Path) -> Command,
) -> Result<()> {
    let debs = tempfile::tempdir_in(folder)?;
    fs::create_dir(debs.path().join("partial"))?;
    log.run(&mut download(debs.path()))?;
    for deb in fs::read_dir(debs.path())? {
        let deb = deb?.path();
        if deb.extension().is_some_and(|extension| extension == "deb") {
            let mut extract = Command::new("dpkg-deb");
            log.run(extract.arg("--extract").args([deb.as_path(), folder]))?;
        }
    }
    Ok(())
}

/// The URL of Debian's main archive, from `ORIGIN|LABEL|URI` lines. The security archive has another label.
fn main_archive(targets: &str) -> Option<&str> {
    targets
        .lines()
        .find_map(|line| line.strip_prefix("Debian|Debian|"))
}

fn sources_list(mirror: &str, keyring: bool) -> String {
    let option = if keyring {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    SUITES
        .iter()
        .flat_map(|suite| {
            ["deb", "deb-src"].map(|kind| format!("{kind} {option}{mirror} {suite} main\n"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_archive_is_distinguished_from_others() {
        let targets = "Debian|Debian-Security|http://mirror.example/security/\n\
                       Debian|Debian Backports|http://mirror.example/backports/\n\
                       Debian|Debian|http://mirror.example/debian/\n";
        assert_eq!(main_archive(targets), Some("http://mirror.example/debian/"));
        assert_eq!(
            main_archive("Ubuntu|Ubuntu|http://mirror.example/ubuntu/\n"),
            None
        );
        assert_eq!(main_archive(""), None);
    }

    #[test]
    fn the_list_names_an_existing_keyring() {
        assert!(
            sources_list("http://mirror.example/", false)
                .starts_with("deb http://mirror.example/ trixie main\n")
        );
        assert!(sources_list("http://mirror.example/", true).starts_with("deb [signed-by=/"));
        assert_eq!(
            sources_list("http://mirror.example/", false)
                .lines()
                .count(),
            4
        );
    }
}
