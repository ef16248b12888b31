// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes `docs/fetches.md`: what each build of the Yocto layer downloads.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::host::output;
use crate::step::Task;
use crate::yocto::{Yocto, builds};
use crate::{Paths, Progress};

/// The verb.
pub fn fetches(paths: &Paths) -> Result<ExitCode> {
    let progress = Progress::new();
    let cache = Cache {
        paths,
        progress: &progress,
    };
    let yocto = Yocto::prepare(cache, true)?;
    let script = paths.repo.join("tests/yocto/fetches.py");
    let mut lists: Vec<PathBuf> = Vec::new();
    for build in builds::all() {
        let list = paths
            .cache
            .join(format!("yocto/fetches/{}.json", build.name));
        fs::create_dir_all(list.parent().expect("a list lies in a folder"))?;
        let name = format!("yocto-fetches-{}", build.name);
        let task = Task::new(name, "listing what is downloaded");
        let command = format!("python3 '{}' list '{}'", script.display(), list.display());
        let listed = yocto.shell(&build, &task, &command)?;
        ensure!(listed.success, "{}: {}", build.name, listed.without_notes());
        lists.push(list);
    }
    let page = output(Command::new("python3").arg(script).arg("page").args(lists))?;
    let path = paths.repo.join("docs/fetches.md");
    fs::write(&path, page).with_context(|| format!("can't write {}", path.display()))?;
    println!("{}", path.display());
    Ok(ExitCode::SUCCESS)
}
