// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kernel memory of an open file.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::{SysconfVar, sysconf};

use crate::chip::Chip;
use crate::interface::Interface;

/// Number of files, to average the allocators' rounding.
const FILES: u32 = 64;

/// Longer than a grace period.
const PAUSE: Duration = Duration::from_millis(100);

/// Number of attempts until the free pages are stable.
const TRIES: usize = 50;

/// Measures the bytes of an open file, including `struct file` and related structures.
pub(super) fn memory<I: Interface>(chip: &Chip) -> Result<[f64; 1]> {
    let open = || {
        (0..FILES)
            .map(|index| I::open_another(chip, index))
            .collect::<Result<Vec<_>>>()
    };
    // Allocations that are made only once exist after the first time.
    drop(open()?);
    let before = settled_free_pages()?;
    let files = open()?;
    let taken = before - settled_free_pages()?;
    drop(files);
    let page = sysconf(SysconfVar::PAGE_SIZE)?.context("there is a page size")?;
    Ok([(taken * page) as f64 / f64::from(FILES)])
}

/// [`free_pages`] once it is stable: memory held by an RCU grace period is freed late.
fn settled_free_pages() -> Result<i64> {
    let mut last = free_pages()?;
    for _ in 0..TRIES {
        sleep(PAUSE);
        let now = free_pages()?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
    bail!("the number of free pages does not settle")
}

/// Free pages, including those in per-CPU lists.
fn free_pages() -> Result<i64> {
    let zones = fs::read_to_string("/proc/zoneinfo").context("reading /proc/zoneinfo")?;
    Ok(zones
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().split_once(char::is_whitespace)?;
            matches!(name, "nr_free_pages" | "count:").then(|| value.trim().parse::<i64>())
        })
        .sum::<Result<_, _>>()?)
}
