// SPDX-License-Identifier: MIT OR Apache-2.0

//! All refused mappings.

use std::fs::OpenOptions;

use anyhow::{Context, Result, bail};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags};
use nix::unistd::{SysconfVar, sysconf};

use super::tests;
use crate::check::expect_errno;
use crate::device::Device;
use crate::handle::Handle;
use crate::mapping::{Mapping, READ_WRITE, Ring};
use crate::queue::{Queue, RECORD};

tests!("queue.errno.mmap":
    einval_without_a_queue,
    einval_when_the_oldest_is_dropped,
    einval_private,
    einval_other_lengths,
    einval_other_offsets,
    eperm_writable_events,
    eacces_events_made_writable,
    eacces_of_a_file_open_for_reading,
    eperm_executable,
    eacces_made_executable,
    efault_growing,
    ebusy_configure_from_then_on,
    a_refused_mapping_leaves_it_configurable,
);

const SHARED: MapFlags = MapFlags::MAP_SHARED;
const READ: ProtFlags = ProtFlags::PROT_READ;

fn page_size() -> Result<usize> {
    let size = sysconf(SysconfVar::PAGE_SIZE)?.context("no page size")?;
    Ok(size.try_into()?)
}

/// A queue whose events fill two pages.
fn queue(device: &Device) -> Result<(Queue, usize)> {
    let events = 2 * page_size()?;
    let capacity = u32::try_from(events / RECORD)?;
    Ok((Queue::of_capacity(device, capacity)?, events))
}

fn einval_without_a_queue(device: &Device) -> Result<()> {
    let handle = device.open()?;
    for (offset, protection) in [(uapi::OFF_RING, READ_WRITE), (uapi::OFF_EVENTS, READ)] {
        let mapping = Mapping::new(&handle, offset, page_size()?, protection, SHARED);
        expect_errno(format_args!("at {offset:#x}"), mapping, Errno::EINVAL)?;
    }
    Ok(())
}

fn einval_when_the_oldest_is_dropped(device: &Device) -> Result<()> {
    let overflow = uapi::OVERFLOW_DROP_OLDEST;
    let queue = Queue::open(
        device,
        Config {
            overflow,
            ..Default::default()
        },
    )?;
    expect_errno("mmap", Ring::map(&queue), Errno::EINVAL)?;
    queue.configure(Config::default())?;
    Ring::map(&queue).context("mmap of one that drops the newest")?;
    Ok(())
}

fn einval_private(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for (offset, length, protection) in [
        (uapi::OFF_RING, page_size()?, READ_WRITE),
        (uapi::OFF_RING, page_size()?, READ),
        (uapi::OFF_EVENTS, events, READ),
    ] {
        let mapping = Mapping::new(&*queue, offset, length, protection, MapFlags::MAP_PRIVATE);
        expect_errno(format_args!("at {offset:#x}"), mapping, Errno::EINVAL)?;
    }
    Ok(())
}

fn einval_other_lengths(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    let page = page_size()?;
    for (offset, length) in [
        (uapi::OFF_RING, page + 1),
        (uapi::OFF_RING, 3 * page),
        (uapi::OFF_EVENTS, page),
        (uapi::OFF_EVENTS, events - page),
        (uapi::OFF_EVENTS, events + 1),
        (uapi::OFF_EVENTS, 1 << 24),
    ] {
        let mapping = Mapping::new(&*queue, offset, length, READ, SHARED);
        let what = format!("{length} bytes at {offset:#x}");
        expect_errno(what, mapping, Errno::EINVAL)?;
    }
    // Lengths are rounded up.
    for (offset, length) in [
        (uapi::OFF_RING, 1),
        (uapi::OFF_RING, page),
        (uapi::OFF_EVENTS, events - 1),
        (uapi::OFF_EVENTS, events),
    ] {
        Mapping::new(&*queue, offset, length, READ, SHARED)
            .with_context(|| format!("{length} bytes at {offset:#x}"))?;
    }
    Ok(())
}

fn einval_other_offsets(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    let page = page_size()?;
    let bytes = page as u64;
    for offset in [
        uapi::OFF_RING + bytes,
        uapi::OFF_EVENTS - bytes,
        uapi::OFF_EVENTS + bytes,
        uapi::OFF_EVENTS + events as u64,
        2 * uapi::OFF_EVENTS,
        1 << 32,
        (1 << 32) + uapi::OFF_EVENTS,
        1 << 62,
    ] {
        for length in [page, events] {
            match Mapping::new(&*queue, offset, length, READ, SHARED) {
                // The second errno is from the kernel itself: the offset exceeds the limit of all files.
                Err(Errno::EINVAL | Errno::EOVERFLOW) => {}
                other => bail!("{length} bytes at {offset:#x}: seen {other:?}, expected EINVAL"),
            }
        }
    }
    Ok(())
}

fn eperm_writable_events(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for protection in [READ_WRITE, ProtFlags::PROT_WRITE] {
        let mapping = Mapping::new(&*queue, uapi::OFF_EVENTS, events, protection, SHARED);
        expect_errno(format_args!("{protection:?}"), mapping, Errno::EPERM)?;
    }
    Ok(())
}

fn eacces_events_made_writable(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    let mapping = Mapping::new(&*queue, uapi::OFF_EVENTS, events, READ, SHARED)?;
    expect_errno("mprotect", mapping.protect(READ_WRITE), Errno::EACCES)
}

fn eacces_of_a_file_open_for_reading(device: &Device) -> Result<()> {
    let handle = Handle::from(device.at_node(|node| OpenOptions::new().read(true).open(node))?);
    let queue = Queue::over(handle, Config::default())?;
    let map = |protection| Mapping::new(&*queue, uapi::OFF_RING, 1, protection, SHARED);
    expect_errno("for writing", map(READ_WRITE), Errno::EACCES)?;
    let mapping = map(READ).context("for reading")?;
    expect_errno("mprotect", mapping.protect(READ_WRITE), Errno::EACCES)
}

fn eperm_executable(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for (offset, length) in [(uapi::OFF_RING, page_size()?), (uapi::OFF_EVENTS, events)] {
        for protection in [
            READ | ProtFlags::PROT_EXEC,
            ProtFlags::PROT_EXEC,
            READ_WRITE | ProtFlags::PROT_EXEC,
        ] {
            let mapping = Mapping::new(&*queue, offset, length, protection, SHARED);
            let what = format!("{protection:?} at {offset:#x}");
            expect_errno(what, mapping, Errno::EPERM)?;
        }
    }
    queue
        .configure(Config::default())
        .context("it was never mapped")
}

fn eacces_made_executable(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for (offset, length) in [(uapi::OFF_RING, page_size()?), (uapi::OFF_EVENTS, events)] {
        let mapping = Mapping::new(&*queue, offset, length, READ, SHARED)?;
        for protection in [READ | ProtFlags::PROT_EXEC, ProtFlags::PROT_EXEC] {
            let what = format!("mprotect at {offset:#x}");
            expect_errno(what, mapping.protect(protection), Errno::EACCES)?;
        }
    }
    Ok(())
}

fn efault_growing(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for (offset, length) in [(uapi::OFF_RING, page_size()?), (uapi::OFF_EVENTS, events)] {
        let mut mapping = Mapping::new(&*queue, offset, length, READ, SHARED)?;
        let grown = mapping.resize(2 * length);
        expect_errno(format_args!("at {offset:#x}"), grown, Errno::EFAULT)?;
    }
    Ok(())
}

fn ebusy_configure_from_then_on(device: &Device) -> Result<()> {
    for offset in [uapi::OFF_RING, uapi::OFF_EVENTS] {
        let (queue, events) = queue(device)?;
        let length = if offset == uapi::OFF_RING { 1 } else { events };
        let mapping = Mapping::new(&*queue, offset, length, READ, SHARED)?;
        let again = || queue.configure(Config::default());
        expect_errno("while it is mapped", again(), Errno::EBUSY)?;
        drop(mapping);
        expect_errno("when it was", again(), Errno::EBUSY)?;
        expect_errno(
            "a wrong one",
            queue.configure(Config {
                flags: 1,
                ..Default::default()
            }),
            Errno::EINVAL,
        )?;
    }
    Ok(())
}

fn a_refused_mapping_leaves_it_configurable(device: &Device) -> Result<()> {
    let (queue, events) = queue(device)?;
    for (offset, length, protection, errno) in [
        (uapi::OFF_RING, 2 * events, READ_WRITE, Errno::EINVAL),
        (uapi::OFF_EVENTS, events, READ_WRITE, Errno::EPERM),
        (uapi::OFF_EVENTS, 1, READ, Errno::EINVAL),
        (4096 * 4096 * 3, 1, READ, Errno::EINVAL),
    ] {
        let refused = Mapping::new(&*queue, offset, length, protection, SHARED);
        expect_errno(format_args!("mmap at {offset:#x}"), refused, errno)?;
        queue
            .configure(Config::default())
            .with_context(|| format!("after {length} bytes at {offset:#x}"))?;
        queue.configure(Config {
            capacity: u32::try_from(events / RECORD)?,
            ..Default::default()
        })?;
    }
    Ok(())
}
