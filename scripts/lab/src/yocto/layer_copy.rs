// SPDX-License-Identifier: MIT OR Apache-2.0
//! The copy of the repository that bitbake uses. Its path is fixed, and a file's time changes only with its content:
//! bitbake parses recipes again if their path or time changes, which in a fresh clone applies to all.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::deps::host::output;
use crate::store::remove;

/// Updates `copy` to the current `repo`, with uncommitted changes and without ignored files. Callers must hold a lock.
pub(super) fn update(repo: &Path, copy: &Path) -> Result<()> {
    let git_dir = copy.join(".git");
    let git = |work_tree: &Path| {
        let mut git = Command::new("git");
        git.args(["-c", "core.autocrlf=false"])
            .arg("--git-dir")
            .arg(&git_dir)
            .arg("--work-tree")
            .arg(work_tree);
        git
    };
    if !git_dir.exists() {
        output(Command::new("git").args(["init", "--quiet"]).arg(copy))?;
    }
    let index = git_dir.join("index-of-repo");
    // Lock files of a killed git make all later ones fail.
    for stale in [&index, &git_dir.join("index")].map(|index| index.with_extension("lock")) {
        remove(&stale)?;
    }
    let tree = {
        let with_index = |arguments: &[&str]| {
            let mut git = git(repo);
            git.args(arguments).env("GIT_INDEX_FILE", &index);
            output(&mut git)
        };
        with_index(&["add", "--all", "."])?;
        with_index(&["write-tree"])?
    };
    // Does not touch files that are the same in both trees.
    output(git(copy).args(["read-tree", "--reset", "-u", tree.trim()]))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_changed_files_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let (repo, copy) = (dir.path().join("repo"), dir.path().join("copy"));
        fs::create_dir_all(repo.join("conf")).unwrap();
        fs::write(repo.join(".gitignore"), "build/\n").unwrap();
        for file in ["conf/layer.conf", "changed.bb", "removed.bb"] {
            fs::write(repo.join(file), "old").unwrap();
        }
        update(&repo, &copy).unwrap();
        let time = || {
            fs::metadata(copy.join("conf/layer.conf"))
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = time();

        // Like in a fresh clone: a new time, the same content.
        fs::write(repo.join("conf/layer.conf"), "old").unwrap();
        fs::write(repo.join("changed.bb"), "new").unwrap();
        fs::remove_file(repo.join("removed.bb")).unwrap();
        fs::create_dir(repo.join("build")).unwrap();
        fs::write(repo.join("build/ignored"), "").unwrap();
        update(&repo, &copy).unwrap();

        assert_eq!(time(), before);
        assert_eq!(fs::read_to_string(copy.join("changed.bb")).unwrap(), "new");
        assert!(!copy.join("removed.bb").exists());
        assert!(!copy.join("build").exists());
    }

    #[test]
    fn checkouts_take_turns_despite_stale_git_locks() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("copy");
        for name in ["one", "two", "one"] {
            let repo = dir.path().join(name);
            fs::create_dir_all(&repo).unwrap();
            fs::write(repo.join("name"), name).unwrap();
            update(&repo, &copy).unwrap();
            assert_eq!(fs::read_to_string(copy.join("name")).unwrap(), name);
            for index in ["index", "index-of-repo"] {
                fs::write(copy.join(".git").join(index).with_extension("lock"), "").unwrap();
            }
        }
    }
}
