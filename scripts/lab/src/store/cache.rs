// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache: one folder a result, `CACHE/STEP/KEY/`, complete or not there at all.

use std::fmt::Display;
use std::fs::{self, DirEntry, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use super::lock;
use crate::store::key::Key;
use crate::store::step::{Log, Task};
use crate::{Paths, Progress};

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
    /// One process at a time makes it; others wait, and take what it left.
    pub fn ensure(&self, product: &dyn Product) -> Result<PathBuf> {
        if let Some(folder) = self.get(product) {
            return Ok(folder);
        }
        let _lock = self.lock(&lock_name(product.task().name, product.key()))?;
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
        self.remove_unfinished(step)?;
        prune(step, product.keep())?;
        let unfinished = step.join(format!("{UNFINISHED}{}", product.key()));
        remove(&unfinished)?;
        fs::create_dir(&unfinished)
            .with_context(|| format!("can't create {}", unfinished.display()))?;
        if let Err(error) = product.make(&unfinished, log) {
            remove(&unfinished)?;
            return Err(error);
        }
        fs::rename(&unfinished, &folder)
            .with_context(|| format!("can't create {}", folder.display()))?;
        Ok(folder)
    }

    /// Removes what interrupted runs left: nobody holds the lock of such a result, but for the caller's own.
    fn remove_unfinished(&self, step: &Path) -> Result<()> {
        let name = step.file_name().unwrap_or_default().to_string_lossy();
        for entry in read(step)? {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = file.strip_prefix(UNFINISHED) else {
                continue;
            };
            let lock = self.paths.cache.join("locks").join(lock_name(&name, key));
            if lock::is_free(&lock)? {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

const UNFINISHED: &str = ".unfinished-";

fn lock_name(step: impl Display, key: impl Display) -> String {
    format!("{step}-{key}")
}

/// Makes room for one more: removes all but the `keep - 1` used last.
pub(crate) fn prune(step: &Path, keep: usize) -> Result<()> {
    let mut results = Vec::new();
    for entry in read(step)? {
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            results.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    results.sort();
    let surplus = results.len().saturating_sub(keep.saturating_sub(1));
    results[..surplus]
        .iter()
        .try_for_each(|(_, folder)| remove(folder))
}

fn read(folder: &Path) -> Result<Vec<DirEntry>> {
    fs::read_dir(folder)
        .and_then(Iterator::collect)
        .with_context(|| format!("can't read {}", folder.display()))
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use anyhow::bail;

    use super::*;
    use crate::store::key::KeyBuilder;

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
            progress: &Progress::default(),
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
    fn two_results_of_a_step_are_made_at_a_time() {
        struct Meets<'a>(Key, &'a Barrier);
        impl Product for Meets<'_> {
            fn task(&self) -> Task {
                Task::new("note", "writing")
            }
            fn key(&self) -> &Key {
                &self.0
            }
            fn make(&self, result: &Path, _: &mut Log) -> Result<()> {
                fs::write(result.join("note"), "")?;
                self.1.wait();
                Ok(())
            }
        }
        with_cache(|cache| {
            let barrier = Barrier::new(2);
            thread::scope(|scope| {
                for name in ["one", "two"] {
                    let product = Meets(note(name).key, &barrier);
                    scope.spawn(move || {
                        let folder = cache.ensure(&product).unwrap();
                        assert!(folder.join("note").exists(), "{name}");
                    });
                }
            });
        });
    }

    #[test]
    fn old_results_and_leftovers_go() {
        with_cache(|cache| {
            let notes = ["one", "two", "three"].map(note);
            let step = cache.paths.cache.join("note");
            for leftover in [&notes[0].key.to_string(), "x"] {
                fs::create_dir_all(step.join(format!("{UNFINISHED}{leftover}"))).unwrap();
            }
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
