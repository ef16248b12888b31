// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that each machine that a phase boots has a kernel log, and that no log contains a splat.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use super::case::Case;
use crate::vm::{machine, splat};

/// Temporary folder for the kernel logs of a test program's machines.
pub(super) struct Logs(TempDir);

impl Logs {
    pub(super) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("logs"))?;
        Ok(Self(folder))
    }

    /// Makes a test program write its logs to this folder.
    pub(super) fn keep<'a>(&self, test: &'a mut Command) -> &'a mut Command {
        test.env("MYPOLL_LOGS", self.0.path().join("logs"))
            .env(machine::MACHINES, self.0.path().join("machines"))
    }

    /// A test for each log, including missing ones.
    pub(super) fn cases(&self) -> Result<Vec<Case>> {
        let machines = fs::read_to_string(self.0.path().join("machines")).unwrap_or_default();
        let mut logs: Vec<_> = machines.lines().map(PathBuf::from).collect();
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

/// Passes if the kernel log contains no splat.
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

    /// The results (name, failure) for started machines and the texts of logs.
    fn cases(machines: &[&str], logs: &[(&str, &str)]) -> Vec<(String, bool)> {
        let temporary = Logs::new().unwrap();
        let folder = temporary.0.path().join("logs");
        let started = machines
            .iter()
            .map(|name| format!("{}\n", folder.join(name).display()));
        fs::write(
            temporary.0.path().join("machines"),
            started.collect::<String>(),
        )
        .unwrap();
        for (name, text) in logs {
            fs::write(folder.join(name), text).unwrap();
        }
        let cases = temporary.cases().unwrap();
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
            "the log of a machine that did not come up"
        );
        assert_eq!(
            cases(&["a.log"], &[("a.log", booted), ("c.log", "")]),
            [passes("a.log")],
            "the empty log of a machine that QEMU did not start"
        );
        assert_eq!(cases(&[], &[]), [fails("kernel logs")]);
    }
}
