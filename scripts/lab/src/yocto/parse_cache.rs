// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bitbake's caches of parsed recipes.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::store::remove;

/// Makes bitbake parse all recipes again, so that the next run repeats the warnings about recipes.
pub fn forget_recipes(build_folder: &Path) -> Result<()> {
    remove(&build_folder.join("tmp/cache"))
}

/// Removes unmerged cache files of an interrupted bitbake: each later run would fail on a truncated one.
pub fn remove_unmerged(build_folder: &Path) -> Result<()> {
    let cache = build_folder.join("cache");
    if !cache.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&cache)? {
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
