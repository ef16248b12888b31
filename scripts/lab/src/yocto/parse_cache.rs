// SPDX-License-Identifier: MIT OR Apache-2.0
//! What bitbake keeps of the recipes that it has parsed.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::store::remove;

/// Bitbake warns about a recipe when it parses it, and is silent when it has it from before: the next run is to warn again.
pub fn forget_recipes(build_folder: &Path) -> Result<()> {
    remove(&build_folder.join("tmp/cache"))
}

/// Removes what single processes of an interrupted bitbake left for it to merge. It would fail on a truncated file, every time.
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
