// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is built: files of `kas/` in a row.

use std::ffi::OsString;
use std::path::Path;

/// A configuration of its own, with a build folder of its own.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Of file-name characters: it names the build folder and the log.
    pub name: &'static str,
    /// The files, relative to the repository.
    pub files: &'static [&'static str],
}

/// Whether the network's other end answers is not what is tested, and the host's Rust is the one that the lab uses.
const ALWAYS: [&str; 2] = ["kas/offline.yml", "tests/yocto/kas/lab.yml"];

impl Build {
    /// The files as kas takes them.
    pub(super) fn chain(&self, repo: &Path) -> OsString {
        let files: Vec<_> = self
            .files
            .iter()
            .chain(&ALWAYS)
            .map(|file| repo.join(file).into_os_string())
            .collect();
        files.join(":".as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chained() {
        let build = Build {
            name: "a",
            files: &["kas/a.yml", "kas/b.yml"],
        };
        assert_eq!(
            build.chain(Path::new("/r")),
            "/r/kas/a.yml:/r/kas/b.yml:/r/kas/offline.yml:/r/tests/yocto/kas/lab.yml"
        );
    }
}
