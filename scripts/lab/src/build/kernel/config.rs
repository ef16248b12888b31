// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the final configuration has all options of the fragments.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::deps::host;

/// Compares a final configuration with the fragments, like the Yocto build.
///
/// # Errors
/// Options differ from the fragments: the message names each.
pub fn check<P: AsRef<Path>>(
    repo: &Path,
    config: &Path,
    fragments: impl IntoIterator<Item = P>,
) -> Result<()> {
    let mut check = Command::new("python3");
    check
        .arg(repo.join("lib/mypoll/kernel_config.py"))
        .arg(config);
    for fragment in fragments {
        check.arg(fragment.as_ref());
    }
    host::output(&mut check).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn missing_options_are_named() {
        let folder = tempdir().unwrap();
        let [config, fragment] = [".config", "base.cfg"].map(|name| folder.path().join(name));
        fs::write(&fragment, "CONFIG_X=y\n").unwrap();
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");

        fs::write(&config, "CONFIG_X=y\n").unwrap();
        check(&repo, &config, [&fragment]).unwrap();

        fs::write(&config, "").unwrap();
        let error = check(&repo, &config, [&fragment]).unwrap_err().to_string();
        assert!(error.contains("CONFIG_X: base.cfg asks for y"), "{error}");
    }
}
