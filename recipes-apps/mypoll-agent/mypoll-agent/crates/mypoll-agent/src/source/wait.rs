// SPDX-License-Identifier: MIT OR Apache-2.0
//! Waits without polling until a file is created, replaced, or gets other permissions.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd as _, AsRawFd, RawFd},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time,
};

/// Polling interval if inotify is unavailable because the user has too many instances or watches.
const POLL: Duration = Duration::from_secs(1);

/// Watches a directory, or its nearest existing ancestor.
pub(super) struct Watch {
    folder: PathBuf,
    /// Prefix of the relevant names.
    prefix: OsString,
    inotify: Option<AsyncFd<Instance>>,
    armed: Option<(PathBuf, WatchDescriptor)>,
}

/// Makes it usable with `AsyncFd`.
struct Instance(Inotify);

impl AsRawFd for Instance {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Watch {
    /// For one file. Must be called within a runtime.
    pub(super) fn of_file(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self::new(path.parent().unwrap_or(Path::new("/")), name)
    }

    /// For the files in a directory whose names start with `prefix`. Must be called within a runtime.
    pub(super) fn new(folder: &Path, prefix: &OsStr) -> Self {
        let folder = match folder.as_os_str().is_empty() {
            true => ".".into(),
            false => folder.into(),
        };
        let mut watch = Self {
            folder,
            prefix: prefix.into(),
            inotify: instance().ok(),
            armed: None,
        };
        watch.arm();
        watch
    }

    /// Waits for a change since the last call. It may be irrelevant, so check and wait again.
    pub(super) async fn changed(&mut self) {
        loop {
            let (Some(inotify), Some(_)) = (&self.inotify, &self.armed) else {
                time::sleep(POLL).await;
                self.arm();
                return;
            };
            let Ok(mut ready) = inotify.readable().await else {
                self.inotify = None;
                continue;
            };
            let Ok(events) = inotify.get_ref().0.read_events() else {
                ready.clear_ready();
                continue;
            };
            let matters = events.iter().any(|event| match &event.name {
                Some(name) => {
                    let bytes = name.as_encoded_bytes();
                    !self.is_there() || bytes.starts_with(self.prefix.as_encoded_bytes())
                }
                // About the directory itself, or a queue overflow.
                None => true,
            });
            if matters {
                self.arm();
                return;
            }
        }
    }

    /// Whether the directory itself is watched.
    fn is_there(&self) -> bool {
        matches!(&self.armed, Some((armed, _)) if *armed == self.folder)
    }

    /// Watches the nearest existing directory.
    fn arm(&mut self) {
        let Some(inotify) = &self.inotify else {
            return;
        };
        let inotify = &inotify.get_ref().0;
        loop {
            let nearest = self.folder.ancestors().find(|folder| folder.is_dir());
            let nearest = nearest.unwrap_or(Path::new("/"));
            let flags = AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_ATTRIB
                | AddWatchFlags::IN_DELETE_SELF
                | AddWatchFlags::IN_MOVE_SELF
                | AddWatchFlags::IN_ONLYDIR;
            // Adding the same directory again returns the same watch.
            let added = inotify.add_watch(nearest, flags);
            let armed = added.ok().map(|watch| (nearest.to_owned(), watch));
            let old = std::mem::replace(&mut self.armed, armed);
            if let Some((_, old)) = old.filter(|(_, old)| added != Ok(*old)) {
                // It may have been removed with its directory.
                let _ = inotify.rm_watch(old);
            }
            // A directory may have been created before the watch was added.
            let now = self.folder.ancestors().find(|folder| folder.is_dir());
            if added.is_err() || now == Some(nearest) {
                return;
            }
        }
    }
}

fn instance() -> io::Result<AsyncFd<Instance>> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    #[expect(unsafe_code, reason = "AsyncFd's safe constructors are deprecated")]
    // SAFETY: `Instance` owns its descriptor, and returns the same one as long as it lives.
    let inotify = unsafe { AsyncFd::register_with_interest(Instance(inotify), Interest::READABLE) };
    inotify.map_err(|error| error.into_parts().1)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn is_quiet(watch: &mut Watch) -> bool {
        time::timeout(Duration::from_millis(20), watch.changed())
            .await
            .is_err()
    }

    #[tokio::test]
    async fn a_created_file_is_noticed_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mypoll");
        let mut watch = Watch::of_file(&path);
        fs::write(folder.path().join("other"), "").unwrap();
        assert!(is_quiet(&mut watch).await);
        fs::write(&path, "").unwrap();
        watch.changed().await;
        assert!(is_quiet(&mut watch).await);
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        watch.changed().await;
        fs::rename(folder.path().join("other"), &path).unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_folder_created_later_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one/two/mypoll");
        let mut watch = Watch::of_file(&path);
        assert!(is_quiet(&mut watch).await);
        for round in 0..2 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            watch.changed().await;
            while !is_quiet(&mut watch).await {}
            fs::write(&path, "").unwrap();
            watch.changed().await;
            assert!(watch.is_there(), "{round}");
            fs::remove_dir_all(folder.path().join("one")).unwrap();
            watch.changed().await;
            while !is_quiet(&mut watch).await {}
            assert!(!watch.is_there(), "{round}");
        }
    }
}
