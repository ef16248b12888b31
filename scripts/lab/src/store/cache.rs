// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache. Each result is a folder, `CACHE/STEP/KEY/`, which is complete or does not exist.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use fs_err::{self as fs, DirEntry, File};

use super::{lock, remove};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use crate::{Paths, Progress};

/// A build result that depends only on the inputs in its key.
#[derive(Clone, Debug)]
pub struct Product {
    /// The step that builds it. Its name is also the folder in the cache.
    task: Task,
    key: Key,
    /// Number of results of this step to keep; older ones are removed.
    keep: usize,
}

impl Product {
    /// Creates a product of which four are kept.
    pub fn new(task: Task, key: KeyBuilder) -> Self {
        let key = key.finish();
        Self { task, key, keep: 4 }
    }

    /// Sets the number of results to keep.
    pub fn keep(self, keep: usize) -> Self {
        Self { keep, ..self }
    }

    /// The hash of its inputs.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// A result that is an input of others.
#[derive(Clone, Debug)]
pub struct Part {
    /// The hash of its inputs.
    pub key: Key,
    /// Its path.
    pub folder: PathBuf,
}

/// The cache, and the display of build steps.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a> {
    /// The paths of repository and cache.
    pub paths: &'a Paths,
    /// The display of steps.
    pub progress: &'a Progress,
}

impl<'a> Cache<'a> {
    /// The cache in [`Paths::cache`].
    pub fn new(paths: &'a Paths, progress: &'a Progress) -> Self {
        Self { paths, progress }
    }

    /// The folder of a result, whether it exists or not.
    pub fn folder(&self, product: &Product) -> PathBuf {
        let step = self.paths.cache.join(&product.task.name);
        step.join(product.key.to_string())
    }

    /// The result, if it exists.
    pub fn get(&self, product: &Product) -> Option<PathBuf> {
        let folder = self.folder(product);
        mark_used(&folder).is_ok().then_some(folder)
    }

    /// The result. If it does not exist, `make` builds it in an empty folder, which is renamed afterwards.
    ///
    /// One process builds it; others wait and use the result.
    pub fn ensure(
        &self,
        product: &Product,
        make: impl FnOnce(&Path, &mut Log) -> Result<()>,
    ) -> Result<PathBuf> {
        if let Some(folder) = self.get(product) {
            return Ok(folder);
        }
        let _lock = self.lock(&lock_name(&product.task.name, &product.key))?;
        if let Some(folder) = self.get(product) {
            return Ok(folder);
        }
        self.progress.step(self.paths, &product.task, |log| {
            self.put(product, |result| make(result, log))
        })
    }

    /// Like [`Cache::ensure`], for a result that is an input of others.
    pub fn part(
        &self,
        product: &Product,
        make: impl FnOnce(&Path, &mut Log) -> Result<()>,
    ) -> Result<Part> {
        Ok(Part {
            folder: self.ensure(product, make)?,
            key: product.key.clone(),
        })
    }

    /// Locks `name` against other processes until the returned file is dropped.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let locks = self.paths.cache.join("locks");
        fs::create_dir_all(&locks)?;
        lock::hold(
            &locks.join(name),
            self.progress,
            &format!("{name}: another process is building it; waiting"),
        )
    }

    fn put(&self, product: &Product, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.folder(product);
        let step = folder.parent().expect("a result lies in its step's folder");
        fs::create_dir_all(step)?;
        self.remove_unfinished(step)?;
        prune(step, product.keep)?;
        let unfinished = step.join(format!("{UNFINISHED}{}", product.key));
        remove(&unfinished)?;
        fs::create_dir(&unfinished)?;
        if let Err(error) = make(&unfinished) {
            remove(&unfinished)?;
            return Err(error);
        }
        fs::rename(&unfinished, &folder)?;
        Ok(folder)
    }

    /// Removes remains of interrupted runs: results whose lock is free. The caller holds the lock of its own result.
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

/// Makes an existing folder the last that [`prune`] removes: the modification time is the time of last use.
pub(crate) fn mark_used(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.set_modified(SystemTime::now())?)
}

/// Makes room for one more result: removes all but the `keep - 1` most recently used.
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
    Ok(fs::read_dir(folder)?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use anyhow::bail;

    use super::*;

    fn note(text: &str) -> Product {
        let key = KeyBuilder::new("note").text(text);
        Product::new(Task::new("note", "writing"), key).keep(2)
    }

    fn write(result: &Path, _: &mut Log) -> Result<()> {
        Ok(fs::write(result.join("note"), "text")?)
    }

    fn with_cache(test: impl FnOnce(Cache<'_>)) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::both_in(dir.path());
        test(Cache::new(&paths, &Progress::default()));
    }

    #[test]
    fn existing_results_are_not_built_again() {
        with_cache(|cache| {
            let note = note("one");
            assert_eq!(cache.get(&note), None);
            let folder = cache.ensure(&note, write).unwrap();
            let again = cache.ensure(&note, |_, _| unreachable!());
            assert_eq!(again.unwrap(), folder);
            assert_eq!(fs::read_to_string(folder.join("note")).unwrap(), "text");
        });
    }

    #[test]
    fn a_failure_leaves_no_result() {
        with_cache(|cache| {
            let note = note("one");
            let error = cache.ensure(&note, |result, log| {
                write(result, log)?;
                bail!("no ink")
            });
            assert!(error.unwrap_err().to_string().contains("no ink"));
            assert_eq!(cache.get(&note), None);
            cache.ensure(&note, write).unwrap();
        });
    }

    #[test]
    fn two_results_of_a_step_are_built_in_parallel() {
        with_cache(|cache| {
            let barrier = &Barrier::new(2);
            thread::scope(|scope| {
                for name in ["one", "two"] {
                    scope.spawn(move || {
                        let made = cache.ensure(&note(name), |result, log| {
                            write(result, log)?;
                            barrier.wait();
                            Ok(())
                        });
                        assert!(made.unwrap().join("note").exists(), "{name}");
                    });
                }
            });
        });
    }

    #[test]
    fn old_results_and_leftovers_are_removed() {
        with_cache(|cache| {
            let notes = ["one", "two", "three"].map(note);
            let step = cache.paths.cache.join("note");
            for leftover in [&notes[0].key.to_string(), "x"] {
                fs::create_dir_all(step.join(format!("{UNFINISHED}{leftover}"))).unwrap();
            }
            for (age, note) in [(30, &notes[0]), (20, &notes[1])] {
                let folder = cache.ensure(note, write).unwrap();
                let used = SystemTime::now() - Duration::from_secs(age);
                File::open(folder).unwrap().set_modified(used).unwrap();
            }
            // A new use makes the older one the most recent one.
            cache.get(&notes[0]).unwrap();
            cache.ensure(&notes[2], write).unwrap();
            assert!(cache.get(&notes[0]).is_some());
            assert!(cache.get(&notes[1]).is_none());
            assert_eq!(fs::read_dir(&step).unwrap().count(), 2);
        });
    }
}
