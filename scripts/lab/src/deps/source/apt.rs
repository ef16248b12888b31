// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's archive through apt, with lists of its own, so that a suite can be read that this machine does not use.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use super::DebianFile;
use crate::store::step::Log;

/// The suites that are read: Debian 13, and what is newer there.
const SUITES: [&str; 2] = ["trixie", "trixie-backports"];

/// Where Debian keeps its archive's keys. apt's own default serves where it is missing.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt with a state of its own, in `CACHE/apt`. The machine's own configuration stays as it is.
#[derive(Debug)]
pub struct PrivateApt {
    state: PathBuf,
}

impl PrivateApt {
    /// Reads the lists from the mirror that this machine's apt uses.
    pub fn open(cache: &Path, log: &mut Log) -> Result<Self> {
        let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
        let targets = log
            .output(Command::new("apt-get").args(["indextargets", "--format", format]))
            .context("Debian's archive can't be reached through apt")?;
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
        log.run(apt.command("apt-get").arg("update"))
            .context("reading the archive's lists")?;
        Ok(apt)
    }

    /// Where binary packages are, as lines of a sources.list.
    pub fn binary_packages(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.state.join("sources.list"))?;
        let lines = text.lines().filter(|line| line.starts_with("deb "));
        Ok(lines.map(str::to_owned).collect())
    }

    /// Fetches one file of a source package, and nothing else of it, since the rest of an old version may be gone; or a
    /// binary package.
    pub fn fetch_file(&self, file: &DebianFile, folder: &Path, log: &mut Log) -> Result<()> {
        let package = format!("{}={}", file.package, file.version);
        let verb: &[&str] = match file.tarball {
            None => &["source", "--only-source"],
            Some(_) => &["download"],
        };
        let mut print = self.command("apt-get");
        print.args(verb).args(["--print-uris", &package]);
        let uris = log
            .output(&mut print)
            .with_context(|| format!("Debian's {} has no package {package}", file.suite))?;
        let uri = uri_of(&uris, &file.name)
            .with_context(|| format!("Debian's package {package} has no file {}", file.name))?;
        log.run(
            self.command("/usr/lib/apt/apt-helper")
                .args(["download-file", uri])
                .arg(folder.join(&file.name))
                .arg(format!("SHA256:{}", file.sha256)),
        )
        .with_context(|| format!("Debian's mirror did not give {}", file.name))
    }

    /// Fetches the package `package` of the upstream version `version` and unpacks it into `folder`.
    pub fn unpack_package(
        &self,
        package: &str,
        version: &str,
        folder: &Path,
        log: &mut Log,
    ) -> Result<()> {
        let table = log.output(self.command("apt-cache").args(["madison", package]))?;
        let Some(full) = version_of(&table, version) else {
            bail!("Debian's archive has no {package} of version {version}");
        };
        unpack(folder, log, |debs| {
            let name = format!("{package}={full}");
            let mut download = self.command("apt-get");
            download.args(["download", &name]).current_dir(debs);
            download
        })
    }

    /// Fetches the package `package` and all packages that it depends on, and unpacks them into `folder`.
    pub fn unpack_with_dependencies(
        &self,
        package: &str,
        folder: &Path,
        log: &mut Log,
    ) -> Result<()> {
        unpack(folder, log, |debs| {
            let mut download = self.command("apt-get");
            download
                .args(["install", "--yes", "--download-only"])
                .arg("--no-install-recommends")
                // As if nothing was installed: what is, may be too old.
                .args(["-o", "Dir::State::status=/dev/null"])
                .args(["-o", &format!("Dir::Cache::archives={}", debs.display())])
                // Root downloads into folders that apt's own user may not enter.
                .args(["-o", "APT::Sandbox::User=root", package]);
            download
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (option, path) in [
            ("Dir::State::Lists", self.state.join("lists")),
            ("Dir::Cache", self.state.clone()),
            ("Dir::Etc::SourceList", self.state.join("sources.list")),
            ("Dir::Etc::SourceParts", "-".into()),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", path.display()));
        }
        command
    }
}

/// Unpacks into `folder` the packages that a command leaves in the folder that it is made for.
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

/// The address of Debian's main archive, from `ORIGIN|LABEL|URI` lines. Its security archive has another label.
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

/// The address of a file in what apt-get's `--print-uris` prints: `'URI' NAME SIZE SHA256:SUM`.
fn uri_of<'a>(uris: &'a str, name: &str) -> Option<&'a str> {
    uris.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let uri = words.next()?.strip_prefix('\'')?.strip_suffix('\'')?;
        (words.next()? == name).then_some(uri)
    })
}

/// The package's full version in what `apt-cache madison` prints: `NAME | VERSION | WHERE`.
fn version_of<'a>(table: &'a str, upstream: &str) -> Option<&'a str> {
    table
        .lines()
        .filter_map(|line| line.split('|').nth(1).map(str::trim))
        .find(|full| {
            full.strip_prefix(upstream)
                .is_some_and(|rest| rest.starts_with(['+', '-']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_archive_is_told_from_the_others() {
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
    fn the_list_names_the_keyring_where_there_is_one() {
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

    #[test]
    fn the_one_file_is_found_among_the_uris() {
        let uris = "NOTICE: 'linux' packaging is maintained in the 'Git' version control system at:\n\
                       Need to get 159 MB of source archives.\n\
                       'http://mirror.example/linux_6.18.15-1%7ebpo13%2b1.dsc' linux_6.18.15-1~bpo13+1.dsc 140033 SHA256:40a1\n\
                       'http://mirror.example/linux_6.18.15.orig.tar.xz' linux_6.18.15.orig.tar.xz 157422084 SHA256:fdf4\n";
        assert_eq!(
            uri_of(uris, "linux_6.18.15.orig.tar.xz"),
            Some("http://mirror.example/linux_6.18.15.orig.tar.xz")
        );
        assert_eq!(uri_of(uris, "linux_6.18.16.orig.tar.xz"), None);
    }

    #[test]
    fn the_version_has_to_be_the_very_same() {
        let table = " rust-src | 1.96.1+dfsg1-2~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages\n\
                       rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://mirror.example/debian trixie-backports/main amd64 Packages\n";
        assert_eq!(version_of(table, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(version_of(table, "1.9"), None);
        assert_eq!(version_of(table, "1.95.1"), None);
    }
}
