// SPDX-License-Identifier: MIT OR Apache-2.0

//! Failing memory allocations, by the kernel's fault injection.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;

use crate::check::ENOUGH;
use crate::runner::skip;

const FAILSLAB: &str = "/sys/kernel/debug/failslab";
/// Applies to the thread that opened it: see Documentation/fault-injection in the kernel.
const FAIL_NTH: &str = "/proc/thread-self/fail-nth";

/// More than the number of allocations of any operation.
const ENDLESS: u32 = 10_000;

/// Makes allocations of this thread fail.
pub(crate) struct FailingMemory {
    nth: File,
}

impl FailingMemory {
    /// Skips the test if the kernel does not support this.
    pub(crate) fn new() -> Result<Self> {
        let failslab = Path::new(FAILSLAB);
        if !failslab.exists() || !Path::new(FAIL_NTH).exists() {
            skip!("no {FAILSLAB}: the kernel has no fault injection, or debugfs is not mounted");
        }
        // Allocations that may sleep fail, too, without a stack trace in the log.
        fs::write(failslab.join("ignore-gfp-wait"), "N").context("ignore-gfp-wait")?;
        fs::write(failslab.join("verbose"), "0").context("verbose")?;
        let nth = OpenOptions::new().read(true).write(true).open(FAIL_NTH)?;
        Ok(Self { nth })
    }

    /// Calls `operation` repeatedly: its first allocation fails, then its second, and so on, until none is left. After
    /// each failure, the operation must return `ENOMEM`, or succeed without the allocation, and `unharmed` must hold.
    pub(crate) fn each<T>(
        &self,
        operation: impl Fn() -> nix::Result<T>,
        unharmed: impl Fn() -> Result<()>,
    ) -> Result<()> {
        self.every(1, operation, unharmed)
    }

    /// The same for an operation with too many allocations to fail each: fails some of them, from the first to the
    /// last.
    pub(crate) fn some<T>(
        &self,
        operation: impl Fn() -> nix::Result<T>,
        unharmed: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let began = Instant::now();
        self.set(ENDLESS)?;
        operation().context("with memory")?;
        let allocations = ENDLESS - self.left()?;
        self.set(0)?;
        unharmed()?;
        let times = ENOUGH.div_duration_f32(began.elapsed()).max(1.0);
        let step = (allocations as f32 / times).ceil().max(1.0) as usize;
        println!("# {allocations} allocations, of which each {step}th fails");
        self.every(step, operation, unharmed)
    }

    fn every<T>(
        &self,
        step: usize,
        operation: impl Fn() -> nix::Result<T>,
        unharmed: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let mut refusals = 0;
        for nth in (1..ENDLESS).step_by(step) {
            self.set(nth)?;
            let result = operation();
            let has_failed = self.left()? == 0;
            self.set(0)?;
            match result {
                Err(Errno::ENOMEM) => refusals += 1,
                Err(errno) => {
                    anyhow::bail!("allocation {nth} failed: seen {errno}, expected ENOMEM")
                }
                Ok(value) => drop(value),
            }
            unharmed().with_context(|| format!("after allocation {nth} failed"))?;
            if !has_failed {
                ensure!(refusals > 0, "no allocation was refused");
                return Ok(());
            }
        }
        anyhow::bail!("it has more than {ENDLESS} allocations")
    }

    fn set(&self, nth: u32) -> Result<()> {
        self.nth
            .write_all_at(nth.to_string().as_bytes(), 0)
            .context("writing fail-nth")
    }

    fn left(&self) -> Result<u32> {
        let mut text = [0; 16];
        let length = self.nth.read_at(&mut text, 0).context("reading fail-nth")?;
        let text = std::str::from_utf8(&text[..length])?;
        Ok(text.trim().parse()?)
    }
}
