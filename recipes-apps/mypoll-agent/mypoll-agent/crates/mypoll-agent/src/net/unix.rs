// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listens on a Unix socket.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, lchown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Group;
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Endpoint, options::BACKLOG};

/// The default mode: for the agent's user and group.
const MODE: u32 = 0o660;

/// A socket's file; removed on drop unless another has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Listens on `path`.
///
/// # Errors
///
/// Another program listens there, the path is not a socket, or creating it fails.
pub(super) fn bind(path: &Path, endpoint: &Endpoint) -> Result<(Socket, SocketFile)> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.bind(&SockAddr::unix(path)?).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => {
                "; its directory must exist (RuntimeDirectory= of the unit creates one)"
            }
            _ => "",
        };
        anyhow::anyhow!("{error}{hint}")
    })?;
    let metadata = fs::symlink_metadata(path)?;
    let file = SocketFile {
        path: path.to_owned(),
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    // Clients cannot connect before it listens, so there is no window without the configured permissions.
    file.set_permissions(endpoint)?;
    socket.listen(BACKLOG)?;
    Ok((socket, file))
}

/// Removes a stale socket of a program that has exited.
fn remove_stale(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            bail!("not a socket: remove it, or choose another path")
        }
        Ok(_) => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).context("cannot remove a stale socket")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Connected, or the other program's backlog is full (EAGAIN).
        Ok(()) => bail!("another program listens there: stop it, or choose another path"),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            bail!("another program listens there: stop it, or choose another path")
        }
        Err(error) => Err(error).context("cannot check whether another program listens there"),
    }
}

impl SocketFile {
    /// Sets the configured mode and group.
    pub(super) fn set_permissions(&self, endpoint: &Endpoint) -> Result<()> {
        if !self.is_there() {
            bail!("its file was removed or replaced: reload the configuration");
        }
        if let Some(group) = &endpoint.group {
            let number = group_number(group)?;
            lchown(&self.path, None, Some(number))
                .with_context(|| format!("cannot change its group to `{group}` (group)"))?;
        }
        let mode = endpoint.mode.unwrap_or(MODE);
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
            .context("cannot set its permissions (mode)")
    }
}

fn group_number(name: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => bail!("no group `{name}` (group): add it, or use another"),
        Err(error) => Err(error).with_context(|| format!("cannot find group `{name}` (group)")),
    }
}

impl SocketFile {
    /// Whether the path still refers to this socket.
    pub(super) fn is_there(&self) -> bool {
        let is_ours =
            |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        fs::symlink_metadata(&self.path).is_ok_and(is_ours)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            // Otherwise the next start removes it as stale.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;
    use crate::net::Address;

    fn endpoint(path: &Path) -> Endpoint {
        Endpoint::new(Address::Unix(path.into()))
    }

    #[test]
    fn a_stale_socket_is_replaced_and_the_new_one_is_removed_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let mut endpoint = endpoint(&path);
        endpoint.mode = Some(0o606);
        endpoint.group = Some(nix::unistd::getegid().to_string());
        let (socket, file) = bind(&path, &endpoint).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o606);
        assert_eq!(metadata.gid(), nix::unistd::getegid().as_raw());
        UnixStream::connect(&path).unwrap();
        drop((socket, file));
        assert!(!path.exists());
    }

    #[test]
    fn a_replacement_file_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let bound = bind(&path, &endpoint(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn sockets_in_use_and_non_sockets_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| format!("{:#}", bind(path, &endpoint(path)).unwrap_err());
        let path = directory.path().join("used");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(refusal(&path).starts_with("another program listens"));
        // Also with a full backlog: the attempt above still waits to be accepted.
        let full = Socket::from(listener);
        full.listen(0).unwrap();
        assert!(refusal(&path).starts_with("another program listens"));
        assert!(path.exists());

        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(refusal(&file).starts_with("not a socket"));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(refusal(&link).starts_with("not a socket"));
        let deep = directory.path().join("none/socket");
        assert!(
            refusal(&deep).contains("its directory must exist"),
            "{}",
            refusal(&deep)
        );

        let path = directory.path().join("group");
        let mut endpoint = endpoint(&path);
        endpoint.group = Some("no such group".to_owned());
        let refusal = bind(&path, &endpoint).unwrap_err().to_string();
        assert!(refusal.starts_with("no group"), "{refusal}");
        assert!(!path.exists(), "it was left behind");
    }
}
