// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files with certificates, keys and tokens.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::file;

/// Maximum size of such a file.
const LONGEST: u64 = 1 << 20;

/// Reads a file that may be public.
#[cfg(any(feature = "tls", test))]
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    contents(path, false)
}

/// Reads a file that must be private to the agent and its group. Refuses it if others can read or change it.
pub(crate) fn read_confidential(path: &Path) -> Result<Vec<u8>> {
    contents(path, true)
}

fn contents(path: &Path, confidential: bool) -> Result<Vec<u8>> {
    let shown = path.display();
    let cannot = || format!("cannot read {shown}");
    let file = file::open_at_once(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    if !metadata.is_file() {
        bail!("{shown} is not a file");
    }
    if confidential {
        let (mode, owner) = (metadata.mode(), metadata.uid());
        if mode & 0o022 != 0 {
            bail!("others can write {shown}: fix it by `chmod go-w {shown}`");
        }
        if mode & 0o004 != 0 {
            bail!("everybody can read {shown}: fix it by `chmod o-r {shown}`");
        }
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            bail!("{shown} belongs to user {owner}: chown it to root or to the agent's user");
        }
    }
    file::rest(file, LONGEST).map_err(|error| anyhow!("cannot read {shown}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, chown},
    };

    use super::*;

    #[test]
    fn a_confidential_file_that_others_can_access_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        fs::write(&path, "secret").unwrap();
        let with_mode = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read_confidential(&path).map_err(|error| error.to_string())
        };
        for mode in [0o400, 0o600, 0o640, 0o440] {
            assert_eq!(with_mode(mode).unwrap(), b"secret", "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o666] {
            let error = with_mode(mode).unwrap_err();
            assert!(error.contains("chmod go-w"), "{mode:o}: {error}");
        }
        let error = with_mode(0o644).unwrap_err();
        assert!(error.contains("chmod o-r"), "{error}");
        assert_eq!(read(&path).unwrap(), b"secret");
    }

    #[test]
    fn another_users_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can change the owner; other users test with a file of root.
        if nix::unistd::geteuid().is_root() {
            chown(&path, Some(65534), None).unwrap();
            let error = read_confidential(&path).unwrap_err().to_string();
            assert!(error.contains("belongs to user 65534"), "{error}");
        } else {
            assert!(read_confidential(&path).is_ok());
        }
    }

    #[test]
    fn non_files_and_long_files_are_refused_without_blocking() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [&fifo, directory.path()] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.ends_with("is not a file"), "{error}");
        }
        let error = read(&directory.path().join("none")).unwrap_err();
        assert!(format!("{error:#}").contains("No such file"), "{error:#}");
        let long = directory.path().join("long");
        fs::write(&long, vec![0; LONGEST as usize + 1]).unwrap();
        assert!(read(&long).unwrap_err().to_string().contains("longer than"));
    }
}
