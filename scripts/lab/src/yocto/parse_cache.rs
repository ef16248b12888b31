// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bitbake keeps of the recipes that it has parsed.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

use anyhow::{Context, Result};

/// Bitbake warns about a recipe when it parses it, and is silent when it has it from before: the next run is to warn again.
pub fn forget_recipes(build_folder: &Path) -> Result<()> {
    let parsed = build_folder.join("tmp/cache");
    match fs::remove_dir_all(&parsed) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", parsed.display()))
        }
        _ => Ok(()),
    }
}

/// Removes what single processes of an interrupted bitbake left for it to merge. It would fail on a truncated file, every time.
pub fn remove_unmerged(build_folder: &Path) -> Result<()> {
    let cache = build_folder.join("cache");
    remove_unmerged_in(&cache).with_context(|| format!("can't tidy {}", cache.display()))
}

fn remove_unmerged_in(cache: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(cache) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(".dat-") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unmerged_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        remove_unmerged(dir.path()).unwrap();
        let cache = dir.path().join("cache");
        fs::create_dir(&cache).unwrap();
        for name in ["bb_codeparser.dat", "bb_codeparser.dat-25813"] {
            fs::write(cache.join(name), "truncated").unwrap();
        }
        remove_unmerged(dir.path()).unwrap();
        let left: Vec<_> = fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["bb_codeparser.dat"]);
    }
}
