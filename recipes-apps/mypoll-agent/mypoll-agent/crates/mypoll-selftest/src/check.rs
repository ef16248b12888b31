// SPDX-License-Identifier: MIT OR Apache-2.0

//! Expectations that report the seen and the expected value.

use std::fmt::{Debug, Display};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;

/// Fails unless `seen` is `expected`; `what` names the value.
pub(crate) fn expect_eq<T: PartialEq + Debug>(
    what: impl Display,
    seen: T,
    expected: T,
) -> Result<()> {
    ensure!(
        seen == expected,
        "{what}: seen {seen:?}, expected {expected:?}"
    );
    Ok(())
}

/// Fails unless a system call failed with `expected`.
pub(crate) fn expect_errno<T: Debug>(
    what: impl Display,
    result: nix::Result<T>,
    expected: Errno,
) -> Result<()> {
    match result {
        Err(errno) if errno == expected => Ok(()),
        Err(errno) => bail!("{what}: seen {errno}, expected {expected}"),
        Ok(value) => bail!("{what}: seen success ({value:?}), expected {expected}"),
    }
}

/// Fails if anybody, even root, may write a file of sysfs.
pub(crate) fn expect_read_only(file: &Path) -> Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    expect_eq(
        format_args!("mode of {}", file.display()),
        mode & 0o777,
        0o444,
    )?;
    let opened = OpenOptions::new().write(true).open(file).map(drop);
    expect_errno(
        format_args!("opening {} for writing", file.display()),
        opened.map_err(|error| Errno::try_from(error).unwrap_or(Errno::UnknownErrno)),
        Errno::EACCES,
    )
}

/// How long a test repeats something that should succeed every time: an emulated debug kernel takes ten times as long
/// for a round, and more on a busy machine.
pub(crate) const ENOUGH: Duration = Duration::from_secs(8);

/// The rounds of a test, up to `count`: as many as fit into the time, but at least one.
pub(crate) fn rounds(count: u32) -> impl Iterator<Item = u32> {
    let began = Instant::now();
    (0..count).take_while(move |round| *round == 0 || began.elapsed() < ENOUGH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_spelled_out() {
        assert!(expect_eq("depth", 3, 3).is_ok());
        let error = expect_eq("depth", 3, 4).unwrap_err();
        assert_eq!(error.to_string(), "depth: seen 3, expected 4");
    }

    #[test]
    fn another_errno_or_success_fails() {
        assert!(expect_errno::<()>("read", Err(Errno::EAGAIN), Errno::EAGAIN).is_ok());
        assert!(expect_errno::<()>("read", Err(Errno::EINTR), Errno::EAGAIN).is_err());
        assert!(expect_errno("read", Ok(7), Errno::EAGAIN).is_err());
    }
}
