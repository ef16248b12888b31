// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each error of MYPOLL_CONFIGURE and MYPOLL_GET_STATS, without any change.

use anyhow::{Context, Result};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Stats};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::c_void;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::ioctl::{Plain, with_size};
use crate::memory::GuardedPage;
use crate::queue::{Queue, sequences};

tests!("queue.errno.configure":
    einval_out_of_range,
    einval_unknown_bits,
    einval_unknown_kinds,
    einval_flags,
    einval_short,
    e2big_unknown_tail,
    efault_of_the_structure,
    efault_behind_it,
    ebusy_with_o_async,
    enotty_unknown_number,
    get_stats_einval_without_a_queue,
    get_stats_einval_short,
    get_stats_fills_up_with_zeros,
    get_stats_efault,
);

/// Expects that a plain file and a queue both refuse a configuration, and stay unchanged.
fn expect_refused(
    device: &Device,
    what: &str,
    errno: Errno,
    configure: impl Fn(&Handle) -> nix::Result<()>,
) -> Result<()> {
    let plain = device.open_nonblocking()?;
    expect_errno(what, configure(&plain), errno)?;
    plain.trigger()?;
    expect_eq("events of the plain file", plain.drain()?.len(), 1)?;

    let queue = Queue::open(
        device,
        Config {
            capacity: 5,
            ..Default::default()
        },
    )?;
    queue.triggers(3)?;
    expect_errno(what, configure(&queue), errno)?;
    expect_eq("capacity", queue.stats()?.capacity, 5)?;
    expect_eq(
        "sequences",
        sequences(&queue.drain_records()?),
        vec![1, 2, 3],
    )?;
    plain.drain().map(drop)
}

fn expect_einval(device: &Device, config: Config) -> Result<()> {
    expect_refused(device, &format!("{config:?}"), Errno::EINVAL, |handle| {
        handle.configure(config)
    })
}

fn einval_out_of_range(device: &Device) -> Result<()> {
    let zero = Config::default();
    for config in [
        Config {
            capacity: uapi::CAPACITY_MAX + 1,
            ..zero
        },
        Config {
            capacity: u32::MAX,
            ..zero
        },
        Config {
            overflow: 2,
            ..zero
        },
        Config {
            overflow: u32::MAX,
            ..zero
        },
        Config { clock: 3, ..zero },
        Config {
            clock: u32::MAX,
            ..zero
        },
        Config {
            watermark_events: uapi::CAPACITY_DEFAULT + 1,
            ..zero
        },
        Config {
            capacity: 8,
            watermark_events: 9,
            ..zero
        },
        Config {
            watermark_events: u32::MAX,
            ..zero
        },
        Config {
            watermark_us: uapi::WATERMARK_US_MAX + 1,
            ..zero
        },
        Config {
            watermark_us: u32::MAX,
            ..zero
        },
    ] {
        expect_einval(device, config)?;
    }
    Ok(())
}

fn einval_unknown_bits(device: &Device) -> Result<()> {
    for bit in (0..32).filter(|bit| !(1..=3).contains(bit)) {
        for sources in [1 << bit, 0b1110 | 1 << bit] {
            expect_einval(
                device,
                Config {
                    sources,
                    ..Default::default()
                },
            )?;
        }
    }
    Ok(())
}

fn einval_unknown_kinds(device: &Device) -> Result<()> {
    for bit in (0..32).filter(|bit| !(1..=6).contains(bit)) {
        for kinds in [1 << bit, 0b111_1110 | 1 << bit] {
            expect_einval(
                device,
                Config {
                    kinds,
                    ..Default::default()
                },
            )?;
        }
    }
    Ok(())
}

fn einval_flags(device: &Device) -> Result<()> {
    for bit in [0, 7, 31] {
        expect_einval(
            device,
            Config {
                flags: 1 << bit,
                ..Default::default()
            },
        )?;
    }
    Ok(())
}

fn einval_short(device: &Device) -> Result<()> {
    let bytes = Config::default().bytes();
    for size in [0, 1, 4, 32, 128, bytes.len() - 8, bytes.len() - 1] {
        expect_refused(device, &format!("{size} bytes"), Errno::EINVAL, |handle| {
            handle.ioctl_bytes(ioctl::CONFIGURE, &mut bytes[..size].to_vec())
        })?;
    }
    Ok(())
}

fn e2big_unknown_tail(device: &Device) -> Result<()> {
    let known = size_of::<Config>();
    for (size, set) in [
        (known + 1, known),
        (known + 8, known),
        (known + 8, known + 7),
        (known + 64, known + 63),
        (known + 65, known + 64),
        (8000, 7999),
    ] {
        expect_refused(
            device,
            &format!("byte {set} of {size}"),
            Errno::E2BIG,
            |handle| {
                let mut bytes = vec![0; size];
                bytes[set] = 1;
                handle.ioctl_bytes(ioctl::CONFIGURE, &mut bytes)
            },
        )?;
    }
    Ok(())
}

fn efault_of_the_structure(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    for address in [
        std::ptr::null_mut(),
        memory.first_end(0),
        memory.first_end(1),
        memory.first_end(size_of::<Config>() - 1),
        std::ptr::without_provenance_mut::<c_void>(usize::MAX - 63),
    ] {
        expect_refused(device, &format!("{address:?}"), Errno::EFAULT, |handle| {
            handle.ioctl_at(ioctl::CONFIGURE, address)
        })?;
    }
    Ok(())
}

/// The known part is readable, but the part of a later version after it is not.
fn efault_behind_it(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    let bytes = Config::default().bytes();
    let request = with_size(ioctl::CONFIGURE, bytes.len() + 8);
    expect_refused(device, "8 more bytes", Errno::EFAULT, |handle| {
        handle.ioctl_at(request, memory.fill_end(&bytes))
    })
}

fn ebusy_with_o_async(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let set = |flags| fcntl(&handle, FcntlArg::F_SETFL(flags)).context("F_SETFL");
    set(OFlag::O_ASYNC | OFlag::O_NONBLOCK)?;
    expect_errno(
        "with O_ASYNC",
        handle.configure(Config::default()),
        Errno::EBUSY,
    )?;
    handle.trigger()?;
    expect_eq("events of the plain file", handle.drain()?.len(), 1)?;
    set(OFlag::O_NONBLOCK)?;
    Queue::over(handle, Config::default()).map(drop)
}

fn enotty_unknown_number(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    let plain = device.open_nonblocking()?;
    let size_and_direction = ioctl::CONFIGURE & !0xffff;
    for (magic, nr) in [
        (uapi::IOC_MAGIC, 0),
        (uapi::IOC_MAGIC, 6),
        (uapi::IOC_MAGIC, 0xff),
        (uapi::IOC_MAGIC + 1, uapi::NR_CONFIGURE),
        // A known number with another direction is another ioctl.
        (uapi::IOC_MAGIC, uapi::NR_GET_STATS),
        (uapi::IOC_MAGIC, uapi::NR_GET_LEVELS),
        (0, 0),
    ] {
        let request = size_and_direction | magic << 8 | nr;
        let mut bytes = Config::default().bytes();
        for handle in [&*queue, &plain] {
            expect_errno(
                format_args!("{request:#x}"),
                handle.ioctl_bytes(request, &mut bytes),
                Errno::ENOTTY,
            )?;
        }
    }
    Ok(())
}

fn get_stats_einval_without_a_queue(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    let stats = || handle.ioctl(ioctl::GET_STATS, Stats::default());
    expect_errno("before", stats(), Errno::EINVAL)?;
    handle.configure(Config::default())?;
    stats().context("after")?;
    Ok(())
}

fn get_stats_einval_short(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    for size in [0, 1, 8, size_of::<Stats>() - 1] {
        let mut bytes = vec![0xaa; size];
        expect_errno(
            format_args!("{size} bytes"),
            queue.ioctl_bytes(ioctl::GET_STATS, &mut bytes),
            Errno::EINVAL,
        )?;
        expect_eq("bytes", bytes, vec![0xaa; size])?;
    }
    Ok(())
}

fn get_stats_fills_up_with_zeros(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.triggers(2)?;
    for more in [1, 63, 64, 65, 8000] {
        let mut bytes = vec![0xaa; size_of::<Stats>() + more];
        queue.ioctl_bytes(ioctl::GET_STATS, &mut bytes)?;
        expect_eq("depth", Stats::from_bytes(&bytes).depth, 2)?;
        expect_eq("tail", &bytes[size_of::<Stats>()..], &vec![0; more])?;
    }
    Ok(())
}

fn get_stats_efault(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    let read_only = GuardedPage::new()?;
    read_only.make_read_only()?;
    for address in [
        std::ptr::null_mut(),
        GuardedPage::new()?.first_end(8),
        read_only.first_end(512),
    ] {
        expect_errno(
            format_args!("{address:?}"),
            queue.ioctl_at(ioctl::GET_STATS, address),
            Errno::EFAULT,
        )?;
    }
    Ok(())
}
