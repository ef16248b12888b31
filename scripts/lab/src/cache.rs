// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache: one folder a result, `CACHE/STEP/KEY/`, complete or not there at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::key::Key;
use crate::step::{Log, Task};
use crate::{Paths, Progress, lock};

/// Something that is made from what its key says, and from nothing else.
pub trait Product {
    /// The step that makes it. Its name is the folder in the cache.
    fn task(&self) -> Task;

    /// What it depends on.
    fn key(&self) -> &Key;

    /// How many of its kind are kept; older ones are removed.
    fn keep(&self) -> usize {
        4
    }

    /// Makes it in the empty folder `result`, which lies at another path afterwards.
    fn make(&self, result: &Path, log: &mut Log) -> Result<()>;
}

/// Results, and how they are shown while they are made.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a> {
    /// Where things are.
    pub paths: &'a Paths,
    /// Where steps are shown.
    pub progress: &'a Progress,
}

impl Cache<'_> {
    /// The folder of a result, whether it is there or not.
    pub fn folder(&self, product: &dyn Product) -> PathBuf {
        self.paths
            .cache
            .join(product.task().name)
            .join(product.key().to_string())
    }

    /// The result, if it is there.
    pub fn get(&self, product: &dyn Product) -> Option<PathBuf> {
        let folder = self.folder(product);
        // Its time says when it was last wanted: pruning goes by that.
        let used = File::open(&folder).ok()?.set_modified(SystemTime::now());
        used.is_ok().then_some(folder)
    }

    /// The result, made now if it is not there.
    ///
    /// One process at a time makes results of a step; others wait, and take what it left.
    pub fn ensure(&self, product: &dyn Product) -> Result<PathBuf> {
        if let Some(folder) = self.get(product) {
            return Ok(folder);
        }
        let _lock = self.lock(&product.task().name)?;
        if let Some(folder) = self.get(product) {
            return Ok(folder);
        }
        self.progress
            .step(self.paths, &product.task(), |log| self.put(product, log))
    }

    /// Keeps other processes from what is called `name`, for as long as the result lives.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let locks = self.paths.cache.join("locks");
        fs::create_dir_all(&locks).with_context(|| format!("can't create {}", locks.display()))?;
        let what = format!("{name}: another build is at it");
        lock::hold(&locks.join(name), self.progress, &what)
    }

    fn put(&self, product: &dyn Product, log: &mut Log) -> Result<PathBuf> {
        let folder = self.folder(product);
        let step = folder.parent().expect("a result lies in its step's folder");
        fs::create_dir_all(step).with_context(|| format!("can't create {}", step.display()))?;
        prune(step, product.keep())?;
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(step)
            .with_context(|| format!("can't create a folder in {}", step.display()))?;
        product.make(unfinished.path(), log)?;
        fs::rename(unfinished.keep(), &folder)
            .with_context(|| format!("can't create {}", folder.display()))?;
        Ok(folder)
    }
}

const UNFINISHED: &str = ".unfinished-";

/// Makes room for one more: removes what an interrupted run left, and all but the `keep - 1` used last.
pub(crate) fn prune(step: &Path, keep: usize) -> Result<()> {
    let mut results = Vec::new();
    for entry in fs::read_dir(step).with_context(|| format!("can't read {}", step.display()))? {
        let entry = entry?;
        let used = entry.metadata()?.modified()?;
        let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        results.push((!unfinished, used, entry.path()));
    }
    results.sort();
    let finished = results.iter().filter(|(finished, ..)| *finished).count();
    let surplus = results.len() - finished + finished.saturating_sub(keep.saturating_sub(1));
    for (.., folder) in &results[..surplus] {
        fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use anyhow::bail;

    use super::*;
    use crate::key::KeyBuilder;

    struct Note {
        key: Key,
        made: Cell<u32>,
        fails: bool,
    }

    fn note(text: &str) -> Note {
        Note {
            key: KeyBuilder::new("note").text(text).finish(),
            made: Cell::new(0),
            fails: false,
        }
    }

    impl Product for Note {
        fn task(&self) -> Task {
            Task::new("note", "writing")
        }
        fn key(&self) -> &Key {
            &self.key
        }
        fn keep(&self) -> usize {
            2
        }
        fn make(&self, result: &Path, _: &mut Log) -> Result<()> {
            self.made.set(self.made.get() + 1);
            fs::write(result.join("note"), "text")?;
            if self.fails {
                bail!("no ink");
            }
            Ok(())
        }
    }

    fn with_cache(test: impl FnOnce(Cache<'_>)) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().to_owned(),
        };
        test(Cache {
            paths: &paths,
            progress: &Progress::new(),
        });
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        with_cache(|cache| {
            let note = note("one");
            assert_eq!(cache.get(&note), None);
            let folder = cache.ensure(&note).unwrap();
            assert_eq!(cache.ensure(&note).unwrap(), folder);
            assert_eq!(note.made.get(), 1);
            assert_eq!(fs::read_to_string(folder.join("note")).unwrap(), "text");
        });
    }

    #[test]
    fn a_failure_leaves_no_result() {
        with_cache(|cache| {
            let mut note = note("one");
            note.fails = true;
            assert!(
                cache
                    .ensure(&note)
                    .unwrap_err()
                    .to_string()
                    .contains("no ink")
            );
            assert_eq!(cache.get(&note), None);
            note.fails = false;
            cache.ensure(&note).unwrap();
            assert_eq!(note.made.get(), 2);
        });
    }

    #[test]
    fn old_results_and_leftovers_go() {
        with_cache(|cache| {
            let notes = ["one", "two", "three"].map(note);
            let step = cache.paths.cache.join("note");
            fs::create_dir_all(step.join(format!("{UNFINISHED}x"))).unwrap();
            for (age, note) in [(30, &notes[0]), (20, &notes[1])] {
                let folder = cache.ensure(note).unwrap();
                let used = SystemTime::now() - Duration::from_secs(age);
                File::open(folder).unwrap().set_modified(used).unwrap();
            }
            // Being wanted again makes the older one the newer one.
            cache.get(&notes[0]).unwrap();
            cache.ensure(&notes[2]).unwrap();
            assert!(cache.get(&notes[0]).is_some());
            assert!(cache.get(&notes[1]).is_none());
            assert_eq!(fs::read_dir(&step).unwrap().count(), 2);
        });
    }
}
