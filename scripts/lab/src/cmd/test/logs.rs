// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels' logs of the machines that a phase boots: each has one, and none has a splat.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use super::case::Case;
use crate::vm::{machine, splat};

/// Where a test program leaves the logs of its machines.
pub(super) struct Logs(TempDir);

impl Logs {
    pub(super) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("logs"))?;
        Ok(Self(folder))
    }

    /// Has a test program keep them.
    pub(super) fn kept_by<'a>(&self, test: &'a mut Command) -> &'a mut Command {
        test.env("MYPOLL_LOGS", self.0.path().join("logs"))
            .env(machine::MACHINES, self.0.path().join("machines"))
    }

    /// A test for each log that is there, and for each that should be.
    pub(super) fn cases(&self) -> Result<Vec<Case>> {
        let machines = fs::read_to_string(self.0.path().join("machines")).unwrap_or_default();
        let mut logs: Vec<_> = machines
            .lines()
            .map(Path::new)
            .map(Path::to_owned)
            .collect();
        if logs.is_empty() {
            return Ok(vec![Case::failed("kernel logs", "no machine came up")]);
        }
        // The log of a machine that did not come up may be empty.
        for log in fs::read_dir(self.0.path().join("logs"))? {
            let log = log?;
            if log.metadata()?.len() > 0 {
                logs.push(log.path());
            }
        }
        logs.sort();
        logs.dedup();
        Ok(logs
            .iter()
            .map(|log| {
                no_splat(log).unwrap_or_else(|error| Case::failed(name(log), format!("{error:#}")))
            })
            .collect())
    }
}

/// The kernel found nothing to complain about.
pub(super) fn no_splat(log: &Path) -> Result<Case> {
    let bytes = fs::read(log)?;
    ensure!(!bytes.is_empty(), "{} is empty", log.display());
    let splats = splat::find(&String::from_utf8_lossy(&bytes));
    Ok(if splats.is_empty() {
        Case::passed(name(log))
    } else {
        Case::failed(name(log), splats)
    })
}

fn name(log: &Path) -> String {
    let file = log.file_name().unwrap_or_default().to_string_lossy();
    format!("no splat in {file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of machines, whose logs have these texts.
    fn cases(machines: &[&str], logs: &[(&str, &str)]) -> Vec<(String, bool)> {
        let kept = Logs::new().unwrap();
        let folder = kept.0.path().join("logs");
        let noted = machines
            .iter()
            .map(|name| format!("{}\n", folder.join(name).display()));
        fs::write(kept.0.path().join("machines"), noted.collect::<String>()).unwrap();
        for (name, text) in logs {
            fs::write(folder.join(name), text).unwrap();
        }
        let cases = kept.cases().unwrap();
        cases
            .into_iter()
            .map(|case| (case.name.replace("no splat in ", ""), case.has_failed()))
            .collect()
    }

    #[test]
    fn each_machine_has_a_log_without_a_splat() {
        let booted = "Booting Linux";
        let fails = |name: &str| (name.to_owned(), true);
        let passes = |name: &str| (name.to_owned(), false);
        assert_eq!(cases(&["a.log"], &[("a.log", booted)]), [passes("a.log")]);
        assert_eq!(
            cases(&["a.log", "b.log"], &[("a.log", booted)]),
            [passes("a.log"), fails("b.log")],
            "one is missing"
        );
        assert_eq!(cases(&["a.log"], &[("a.log", "")]), [fails("a.log")]);
        assert_eq!(
            cases(&["a.log"], &[("a.log", booted), ("c.log", "BUG: KASAN: x")]),
            [passes("a.log"), fails("c.log")],
            "one did not come up, and says why"
        );
        assert_eq!(
            cases(&["a.log"], &[("a.log", booted), ("c.log", "")]),
            [passes("a.log")],
            "one did not come up: QEMU refused it"
        );
        assert_eq!(cases(&[], &[]), [fails("kernel logs")]);
    }
}
