// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which kernel version it is to be: the one that was asked for, else the first that can be had.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};

use crate::cache::Cache;
use crate::kernel::KernelVersion;
use crate::source::{Catalog, Download, Tarball, Unavailable};

/// How long a version that could not be had is not asked for again, so that a machine that can't get it is not held up
/// each time.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The version and its tarball.
pub(super) fn kernel_tarball(
    cache: Cache<'_>,
    catalog: &Catalog,
    asked: Option<&KernelVersion>,
) -> Result<(String, Tarball)> {
    let get = |version: &str| {
        let source = catalog
            .kernel(version)
            .with_context(|| format!("sources.toml has no kernel {version}"))?;
        Ok((version.to_owned(), Download::new(cache, source).tarball()?))
    };
    match asked {
        Some(version) => get(&version.to_string()),
        None => {
            let versions: Vec<_> = catalog
                .kernels
                .iter()
                .map(|kernel| kernel.version.as_str())
                .collect();
            first_available(
                &versions,
                &cache.paths.cache.join("unavailable"),
                |line| cache.progress.say(line),
                get,
            )
        }
    }
}

/// The first that can be had. `notes` is the folder where it is noted which ones can't.
fn first_available<T>(
    versions: &[&str],
    notes: &Path,
    say: impl Fn(&str),
    get: impl Fn(&str) -> Result<T>,
) -> Result<T> {
    let mut last_error = None;
    // What was noted to be unavailable is tried last.
    let (noted, others): (Vec<_>, Vec<_>) = versions
        .iter()
        .partition(|version| is_recent(&notes.join(version)));
    for version in others.into_iter().chain(noted) {
        if version != versions[0] {
            say(&format!(
                "Linux {} can't be had here: taking {version}.",
                versions[0]
            ));
        }
        match get(version) {
            Err(error) if error.downcast_ref::<Unavailable>().is_some() => {
                say(&format!("{error}"));
                fs::create_dir_all(notes)
                    .and_then(|()| fs::write(notes.join(version), ""))
                    .with_context(|| format!("can't write to {}", notes.display()))?;
                last_error = Some(error);
            }
            result => return result,
        }
    }
    Err(last_error.unwrap_or_else(|| anyhow!("sources.toml names no kernel")))
}

fn is_recent(note: &Path) -> bool {
    note.metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|noted| {
            SystemTime::now()
                .duration_since(noted)
                .is_ok_and(|age| age < PATIENCE)
        })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs::File;

    use super::*;

    const VERSIONS: [&str; 3] = ["6.18.15", "6.18.12", "6.18.21"];

    /// Tries with only `available` to be had: what came of it, and what was tried.
    fn choose(notes: &Path, available: &[&str]) -> (Result<String>, Vec<String>) {
        let tried = RefCell::new(Vec::new());
        let result = first_available(
            &VERSIONS,
            notes,
            |_| {},
            |version| {
                tried.borrow_mut().push(version.to_owned());
                if available.contains(&version) {
                    return Ok(version.to_owned());
                }
                Err(
                    anyhow::Error::from(Unavailable::new(version, "no answer", "not there"))
                        .context("a step failed"),
                )
            },
        );
        (result, tried.into_inner())
    }

    #[test]
    fn the_first_that_can_be_had_is_taken_and_the_others_noted() {
        let notes = tempfile::tempdir().unwrap();
        let (result, tried) = choose(notes.path(), &["6.18.12", "6.18.21"]);
        assert_eq!(result.unwrap(), "6.18.12");
        assert_eq!(tried, ["6.18.15", "6.18.12"]);

        let (_, tried) = choose(notes.path(), &["6.18.12", "6.18.21"]);
        assert_eq!(
            tried,
            ["6.18.12"],
            "what can't be had holds nobody up again"
        );
    }

    #[test]
    fn a_note_does_not_count_for_ever() {
        let notes = tempfile::tempdir().unwrap();
        choose(notes.path(), &["6.18.12"]).0.unwrap();
        let old = SystemTime::now() - PATIENCE - Duration::from_secs(1);
        File::options()
            .write(true)
            .open(notes.path().join("6.18.15"))
            .unwrap()
            .set_modified(old)
            .unwrap();
        assert_eq!(choose(notes.path(), &VERSIONS).0.unwrap(), "6.18.15");
    }

    #[test]
    fn when_none_can_be_had_all_were_tried() {
        let notes = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let (result, tried) = choose(notes.path(), &[]);
            assert!(result.unwrap_err().downcast_ref::<Unavailable>().is_some());
            assert_eq!(tried, VERSIONS);
        }
    }

    #[test]
    fn another_error_ends_it() {
        let notes = tempfile::tempdir().unwrap();
        let result = first_available(
            &VERSIONS,
            notes.path(),
            |_| {},
            |_| -> Result<()> { Err(anyhow!("wrong sum")) },
        );
        assert_eq!(result.unwrap_err().to_string(), "wrong sum");
        assert!(!notes.path().join("6.18.15").exists());
    }
}
