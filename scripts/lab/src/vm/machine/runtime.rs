// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runtime folders: one for each running machine, with sockets for other programs of the same user.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, process};

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, File};
use rustix::fs::{FlockOperation, flock};
use rustix::process::getuid;

use crate::store::lock::try_lock;
use crate::store::{remove, signals};

/// The monitor's socket.
pub const QMP: &str = "qmp";
/// The qtest socket.
pub const QTEST: &str = "qtest";
/// The device tree that the machine was started with.
pub const DEVICE_TREE: &str = "virt.dtb";

/// The folder of a machine of this program. It is removed when this value is dropped or a signal ends the program. The
/// next program removes folders of killed ones.
#[derive(Debug)]
pub struct Runtime {
    path: PathBuf,
    /// Locked while the machine runs.
    _lock: File,
}

impl Runtime {
    /// Creates the folder for a machine named after its purpose, such as "demo".
    pub fn create(purpose: &str) -> Result<Self> {
        Self::create_in(&base()?, purpose)
    }

    fn create_in(base: &Path, purpose: &str) -> Result<Self> {
        let _guard = lock_base(base)?;
        remove_dead(base)?;
        let pid = process::id();
        let mut names = (1..).map(|number| match number {
            1 => base.join(format!("{purpose}-{pid}")),
            _ => base.join(format!("{purpose}-{pid}-{number}")),
        });
        let path = names
            .find(|path| !path.exists())
            .expect("numbers are unlimited");
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::open(&path)?;
        try_lock(&lock)?;
        let folder = path.clone();
        signals::before_termination(move || drop(fs::remove_dir_all(folder)))?;
        Ok(Self { path, _lock: lock })
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The machine's name, such as "demo-4711".
    pub fn name(&self) -> String {
        name(&self.path)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // The next machine removes it if this fails.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The folders of all running machines of this user, sorted by name.
pub fn running() -> Result<Vec<PathBuf>> {
    running_in(&base()?)
}

fn running_in(base: &Path) -> Result<Vec<PathBuf>> {
    let _guard = lock_base(base)?;
    remove_dead(base)?;
    machines(base)
}

/// The name of the machine whose folder is `path`.
pub fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `$XDG_RUNTIME_DIR/mypoll`, or `mypoll-UID` in the temporary folder.
fn base() -> Result<PathBuf> {
    let uid = getuid().as_raw();
    let base = match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(dir) if dir.is_dir() => dir.join("mypoll"),
        _ => env::temp_dir().join(format!("mypoll-{uid}")),
    };
    private_folder(&base, uid)?;
    Ok(base)
}

/// Makes sure that `base` is a folder that only the user with this ID can enter.
fn private_folder(base: &Path, uid: u32) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(base) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("can't create {}", base.display()));
        }
        _ => {}
    }
    let metadata = fs::symlink_metadata(base)?;
    ensure!(
        metadata.is_dir() && metadata.uid() == uid && metadata.mode() & 0o077 == 0,
        "{} has to be a folder that only the current user can enter",
        base.display()
    );
    Ok(())
}

/// Prevents other processes from creating and removing folders.
fn lock_base(base: &Path) -> Result<File> {
    let file = File::open(base)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn machines(base: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(base)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn remove_dead(base: &Path) -> Result<()> {
    for path in machines(base)? {
        // A machine that ends removes its folder without the lock.
        match File::open(&path) {
            Ok(folder) if try_lock(&folder)? => remove(&path)?,
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::thread;

    use super::*;

    #[test]
    fn machines_are_found_while_they_run() {
        let base = tempfile::tempdir().unwrap();
        let demo = Runtime::create_in(base.path(), "demo").unwrap();
        let run = Runtime::create_in(base.path(), "run").unwrap();
        let another = Runtime::create_in(base.path(), "run").unwrap();
        assert_ne!(run.name(), another.name());
        assert!(demo.name().starts_with("demo-"), "{}", demo.name());
        let paths = [&demo, &run, &another].map(|machine| machine.path().to_owned());
        assert_eq!(running_in(base.path()).unwrap(), paths);
        drop(run);
        drop(another);
        assert_eq!(running_in(base.path()).unwrap(), paths[..1]);
    }

    #[test]
    fn folders_of_killed_programs_are_removed() {
        let base = tempfile::tempdir().unwrap();
        let left = base.path().join("demo-1");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("qmp"), "").unwrap();
        assert_eq!(running_in(base.path()).unwrap(), Vec::<PathBuf>::new());
        assert!(!left.exists());
    }

    #[test]
    fn machines_can_end_while_others_list_them() {
        let base = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let machine = Runtime::create_in(base.path(), "run").unwrap();
                        fs::write(machine.path().join(QMP), "").unwrap();
                    }
                });
            }
        });
        assert_eq!(running_in(base.path()).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let uid = getuid().as_raw();
        let base = dir.path().join("mypoll");
        private_folder(&base, uid).unwrap();
        private_folder(&base, uid).unwrap();
        let link = dir.path().join("link");
        symlink(&base, &link).unwrap();
        assert!(private_folder(&link, uid).is_err(), "a link");
        assert!(private_folder(&base, uid + 1).is_err(), "another user's");
        fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(private_folder(&base, uid).is_err(), "open to others");
        assert!(private_folder(&dir.path().join("no/such"), uid).is_err());
    }
}
