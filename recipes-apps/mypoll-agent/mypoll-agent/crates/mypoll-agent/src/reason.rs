// SPDX-License-Identifier: MIT OR Apache-2.0
//! Explains why a device is unavailable.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use nix::unistd::{Gid, Group};

/// Which permissions are missing to open a file.
pub(crate) fn permissions(path: &Path) -> String {
    let shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        return format!("{shown}: permission denied");
    };
    let (gid, mode) = (metadata.gid(), metadata.mode() & 0o777);
    let group = match Group::from_gid(Gid::from_raw(gid)) {
        Ok(Some(group)) => group.name,
        _ => gid.to_string(),
    };
    if mode & 0o060 == 0o060 && gid != 0 {
        format!("{shown}: permission denied; add the agent's user to the group `{group}`")
    } else {
        format!(
            "{shown}: permission denied; it has mode {mode:04o} and the group `{group}`: a udev or mdev rule has to \
             give it mode 0660 and a group of the agent's, such as `mypoll`"
        )
    }
}

/// An error with its sources.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_name_the_group() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = permissions(file.path());
        assert!(said.contains("mode 0600"), "{said}");
        let said = permissions(Path::new("/dev/tty"));
        assert!(
            said.contains("group `tty`") || said.contains("mode"),
            "{said}"
        );
    }
}
