// SPDX-License-Identifier: MIT OR Apache-2.0
//! rustup, where it manages the compiler in PATH and may be used.

use std::process::Command;

use anyhow::{Result, bail};

use super::{GUEST_TARGET, Rustc};
use crate::deps::host::output;
use crate::store::cache::Cache;
use crate::store::step::Task;

/// Whether and how rustup may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It manages the compiler, and may add to it.
    Full,
    /// It manages the compiler, but nothing may be installed.
    LookOnly,
    /// The compiler is the distribution's.
    Absent,
    /// It is not to be used, nor what it installed before.
    Refused,
}

impl Access {
    pub(super) fn of(rustc: &Rustc, install: bool) -> Self {
        let managed = output(Command::new("rustup").args(["which", "rustc"]))
            .is_ok_and(|path| rustc.sysroot.join("bin/rustc").as_os_str() == path.trim());
        match (managed, install) {
            (false, _) => Access::Absent,
            (true, true) => Access::Full,
            (true, false) => Access::LookOnly,
        }
    }

    /// Whether the toolchain has the guest's standard library, or has it now.
    pub(super) fn has_or_adds_target(self, cache: Cache<'_>, rustc: &Rustc) -> Result<bool> {
        if self == Access::Refused {
            return Ok(false);
        }
        if rustc
            .sysroot
            .join("lib/rustlib")
            .join(GUEST_TARGET)
            .join("lib")
            .exists()
        {
            return Ok(true);
        }
        self.adds(cache, &["target", "add", GUEST_TARGET])
    }

    /// Lets rustup add something. False when it can't: there is another way for all that it adds.
    ///
    /// # Errors
    /// When it could, but nothing may be installed.
    pub(super) fn adds(self, cache: Cache<'_>, args: &[&str]) -> Result<bool> {
        let command = format!("rustup {}", args.join(" "));
        match self {
            Access::Absent | Access::Refused => return Ok(false),
            Access::LookOnly => bail!(
                "missing: {}\n  to install it: {command}",
                args.last().unwrap_or(&"")
            ),
            Access::Full => {}
        }
        let task = Task::new("rustup", format!("running '{command}'"));
        let result = cache.progress.step(cache.paths, &task, |log| {
            Ok(log.run(Command::new("rustup").args(args))?)
        });
        if let Err(error) = &result {
            cache
                .progress
                .say(&format!("{error}\nGoing on without rustup."));
        }
        Ok(result.is_ok())
    }
}
