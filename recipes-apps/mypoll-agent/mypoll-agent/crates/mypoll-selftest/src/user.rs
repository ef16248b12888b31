// SPDX-License-Identifier: MIT OR Apache-2.0

//! Processes of other users, without capabilities.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::check::expect_eq;
use crate::device::Device;
use crate::process::{Forked, say};

/// A user that nothing else on the machine uses.
pub(crate) const ALICE: u32 = 1000;
/// Another one.
pub(crate) const BOB: u32 = 1001;

/// A node of the device that every user may open, removed on drop.
pub(crate) struct PublicNode {
    path: PathBuf,
    /// The device, opened through that node.
    pub(crate) device: Device,
}

impl PublicNode {
    /// Creates the node.
    pub(crate) fn new(device: &Device) -> Result<Self> {
        let path = PathBuf::from(format!("/dev/mypoll-selftest.{}", std::process::id()));
        let number = device.at_node(|node| fs::metadata(node))?.rdev();
        mknod(&path, SFlag::S_IFCHR, Mode::empty(), number).context("mknod")?;
        let device = device.by_node(&path);
        let public = Self { path, device };
        // Not with mknod, because the umask would apply.
        fs::set_permissions(&public.path, Permissions::from_mode(0o666))
            .with_context(|| public.path.display().to_string())?;
        Ok(public)
    }
}

impl Drop for PublicNode {
    fn drop(&mut self) {
        // Copies in forked processes are never dropped: those processes exit.
        drop(fs::remove_file(&self.path));
    }
}

/// Makes the calling process one of the user `uid`, without root's groups.
pub(crate) fn become_user(uid: u32) -> Result<()> {
    let gid = Gid::from_raw(uid);
    setgroups(&[gid]).context("setgroups")?;
    setresgid(gid, gid, gid).context("setresgid")?;
    let uid = Uid::from_raw(uid);
    setresuid(uid, uid, uid).context("setresuid")
}

/// Runs `body` in a process of the user `uid`, which must succeed.
pub(crate) fn as_user(uid: u32, body: impl FnOnce() -> Result<()>) -> Result<()> {
    in_child(|| become_user(uid).and_then(|()| body()))
        .with_context(|| format!("in a process of user {uid}"))
}

/// Runs `body` in a forked process, which must succeed.
pub(crate) fn in_child(body: impl FnOnce() -> Result<()>) -> Result<()> {
    let child = Forked::spawn(|pipe| {
        let said = body().map_or_else(|error| format!("{error:#}"), |()| "fine".into());
        say(pipe, &said);
    })?;
    expect_eq("a process", child.end()?.as_str(), "fine")
}

/// Forks a process of the user `uid` that runs `body` and keeps its result until the test ends.
pub(crate) fn holder<T>(uid: u32, body: impl FnOnce() -> Result<T>) -> Result<Forked> {
    let mut child = Forked::spawn(|pipe| match become_user(uid).and_then(|()| body()) {
        Ok(held) => {
            say(pipe, "fine\n");
            nix::unistd::pause();
            drop(held);
        }
        Err(error) => say(pipe, &format!("{error:#}\n")),
    })?;
    expect_eq("a process", child.line()?.as_str(), "fine\n")?;
    Ok(child)
}

/// Limits permanently how much memory the calling process may lock.
pub(crate) fn limit_memlock(bytes: u64) -> Result<()> {
    setrlimit(Resource::RLIMIT_MEMLOCK, bytes, bytes).context("RLIMIT_MEMLOCK")
}
