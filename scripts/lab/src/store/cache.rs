// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache: one folder a result, `CACHE/STEP/KEY/`, complete or not there at all.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use fs_err::{self as fs, DirEntry, File};

use super::{lock, remove};
use crate::store::key::{Key, KeyBuilder};
use crate::store::step::{Log, Task};
use crate::{Paths, Progress};

/// A result that depends on nothing but what its key says.
#[derive(Clone, Debug)]
pub struct Product {
    /// The step that makes it. Its name is the folder in the cache.
    task: Task,
    key: Key,
    /// How many of its kind are kept; older ones are removed.
    keep: usize,
}

impl Product {
    /// One of four that are kept.
    pub fn new(task: Task, key: KeyBuilder) -> Self {
        let key = key.finish();
        Self { task, key, keep: 4 }
    }

    /// One of `keep` that are kept.
    pub fn keep(self, keep: usize) -> Self {
        Self { keep, ..self }
    }

    /// What it depends on.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// A result that others are made of.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it depends on.
    pub key: Key,
    /// Where it is.
    pub folder: PathBuf,
}

/// Results, and how they are shown while they are made.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'a> {
    /// Where things are.
    pub paths: &'a Paths,
    /// Where steps are shown.
    pub progress: &'a Progress,
}

impl<'a> Cache<'a> {
    /// The cache in [`Paths::cache`].
    pub fn new(paths: &'a Paths, progress: &'a Progress) -> Self {
        Self { paths, progress }
    }

    /// The folder of a result, whether it is there or not.
    pub fn folder(&self, product: &Product) -> PathBuf {
        let step = self.paths.cache.join(&product.task.name);
        step.join(product.key.to_string())
    }

    /// The result, if it is there.
    pub fn get(&self, product: &Product) -> Option<PathBuf> {
        let folder = self.folder(product);
        // Its time says when it was last wanted: pruning goes by that.
        let used = File::open(&folder).ok()?.set_modified(SystemTime::now());
        used.is_ok().then_some(folder)
    }

    /// The result, made now if it is not there, by `make` in an empty folder, which lies at another path afterwards.
    ///
    /// One process at a time makes it; others wait, and take what it left.
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

    /// The same for what others are made of.
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

    /// Keeps other processes from what is called `name`, for as long as the result lives.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let locks = self.paths.cache.join("locks");
        fs::create_dir_all(&locks)?;
        let what = format!("{name}: another build is at it");
        lock::hold(&locks.join(name), self.progress, &what)
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
        let paths = Paths {
            repo: dir.path().to_owned(),
            cache: dir.path().to_owned(),
        };
        test(Cache::new(&paths, &Progress::default()));
    }

    #[test]
    fn what_is_there_is_not_made_again() {
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
    fn two_results_of_a_step_are_made_at_a_time() {
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
    fn old_results_and_leftovers_go() {
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
            // Being wanted again makes the older one the newer one.
            cache.get(&notes[0]).unwrap();
            cache.ensure(&notes[2], write).unwrap();
            assert!(cache.get(&notes[0]).is_some());
            assert!(cache.get(&notes[1]).is_none());
            assert_eq!(fs::read_dir(&step).unwrap().count(), 2);
        });
    }
}
