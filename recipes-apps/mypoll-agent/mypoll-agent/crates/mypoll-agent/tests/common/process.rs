// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that run in a separate process because they change its state.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Tells a test that it runs in the child process.
const CHILD: &str = "MYPOLL_PROCESS_OF_TEST";

/// The command that runs the test `name` in a separate process, for which [`folder_of_child`] is `folder`.
pub fn child(wrapper: &[&str], name: &str, folder: &Path) -> Command {
    let test = env::current_exe().unwrap();
    let mut words = wrapper.iter().map(Path::new).chain([test.as_path()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(["--exact", "--nocapture", name])
        .env(CHILD, folder)
        .stdin(Stdio::null());
    command
}

pub fn folder_of_child() -> Option<PathBuf> {
    env::var_os(CHILD).map(Into::into)
}

/// Runs the test `name` in a process that may mount file systems, if any process may. Returns an empty folder in that
/// process, and `None` in this one, once the test has passed.
pub fn with_mounts(name: &str) -> Option<PathBuf> {
    if let Some(folder) = folder_of_child() {
        return Some(folder);
    }
    let may = |wrapper: &[&str]| {
        let (program, arguments) = wrapper.split_first().unwrap();
        let tried = Command::new(program).args(arguments).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let wrappers: [&[&str]; 2] = [
        &["unshare", "--mount"],
        // Keeps mosquitto root: in a user namespace it cannot become another user.
        &["unshare", "--mount", "--map-root-user", "env", "USER=root"],
    ];
    let wrapper = wrappers.into_iter().find(|wrapper| may(wrapper));
    let folder = tempfile::tempdir().unwrap();
    let output = child(wrapper.unwrap_or_default(), name, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{text}");
    None
}

/// A file system of 1 MiB.
pub struct SmallDisk {
    filler: PathBuf,
}

impl SmallDisk {
    /// Mounts it on a folder; `None` if no file system can be mounted.
    pub fn mount(folder: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder)
            .output()
            .is_ok_and(|output| output.status.success());
        let filler = folder.join("filler");
        mounted.then_some(Self { filler })
    }

    /// Leaves no more room than this, rounded down to pages.
    pub fn fill(&self, rest: u64) {
        // Ends when the disk is full.
        let _ = fs::write(&self.filler, vec![0; 2 << 20]);
        let file = fs::File::options().write(true).open(&self.filler).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - rest).unwrap();
    }

    /// Makes room again.
    pub fn clear(&self) {
        fs::remove_file(&self.filler).unwrap();
    }
}
