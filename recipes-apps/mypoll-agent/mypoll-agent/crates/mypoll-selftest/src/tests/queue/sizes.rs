// SPDX-License-Identifier: MIT OR Apache-2.0

//! Structures of older and newer programs than the driver.

use anyhow::Result;
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Info, Levels, Line, Stats};
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::ioctl::{Plain, with_size};
use crate::memory::GuardedPage;
use crate::queue::Queue;
use crate::sim_line::SimLine;

tests!("queue.sizes":
    numbers_have_the_size_of_today,
    line_of_the_first_version,
    line_of_each_size_between,
    line_at_the_end_of_memory,
    too_small_is_einval,
    fields_of_a_newer_version_are_zero,
    largest_number,
);

/// Each ioctl that returns a structure: its number, its minimum and its current size.
const GETTERS: [(u32, usize, usize); 4] = [
    (ioctl::GET_STATS, uapi::STATS_SIZE_VER0, size_of::<Stats>()),
    (ioctl::GET_INFO, uapi::INFO_SIZE_VER0, size_of::<Info>()),
    (ioctl::GET_LINE, uapi::LINE_SIZE_VER0, size_of::<Line>()),
    (
        ioctl::GET_LEVELS,
        uapi::LEVELS_SIZE_VER0,
        size_of::<Levels>(),
    ),
];

fn numbers_have_the_size_of_today(_: &Device) -> Result<()> {
    let config = (
        ioctl::CONFIGURE,
        uapi::CONFIG_SIZE_VER0,
        size_of::<Config>(),
    );
    for (request, _, size) in GETTERS.into_iter().chain([config]) {
        let in_number = request >> 16 & 0x3fff;
        expect_eq(format_args!("{request:#x}"), in_number as usize, size)?;
    }
    Ok(())
}

/// A line's structure of this size, as the driver fills it in.
fn line_of_size(handle: &Handle, number: u32, size: usize) -> nix::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&number.to_ne_bytes());
    handle.ioctl_bytes(ioctl::GET_LINE, &mut bytes)?;
    Ok(bytes)
}

fn line_of_the_first_version(device: &Device) -> Result<()> {
    let sim = SimLine::debounced(device)?;
    let bytes = line_of_size(&device.open()?, sim.number, uapi::LINE_SIZE_VER0)?;
    let mut whole = bytes;
    whole.resize(size_of::<Line>(), 0);
    let line = Line::from_bytes(&whole);
    expect_eq(
        "number, offset, debounce_us",
        (line.number, line.offset, line.debounce_us),
        (sim.number, 1, 50_000),
    )?;
    expect_eq("label", line.label.starts_with(b"sim-debounced\0"), true)
}

fn line_of_each_size_between(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let number = SimLine::plain(device)?.number;
    let whole = line_of_size(&handle, number, size_of::<Line>())?;
    for size in uapi::LINE_SIZE_VER0..=size_of::<Line>() {
        let cut = line_of_size(&handle, number, size)?;
        expect_eq(format_args!("{size} bytes"), &cut[..], &whole[..size])?;
    }
    Ok(())
}

/// The driver neither reads nor writes beyond the end of an older program's structure.
fn line_at_the_end_of_memory(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let memory = GuardedPage::new()?;
    let number = SimLine::plain(device)?.number;
    let mut asked = vec![0; uapi::LINE_SIZE_VER0];
    asked[..4].copy_from_slice(&number.to_ne_bytes());
    let request = with_size(ioctl::GET_LINE, asked.len());
    handle.ioctl_at(request, memory.fill_end(&asked))?;
    expect_eq("label", memory.end(64).starts_with(b"sim\0"), true)
}

fn too_small_is_einval(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    for (request, smallest, _) in GETTERS {
        for size in [0, 1, 4, smallest / 2, smallest - 8, smallest - 1] {
            let mut bytes = vec![0; size];
            expect_errno(
                format_args!("{request:#x} with {size} bytes"),
                queue.ioctl_bytes(request, &mut bytes),
                Errno::EINVAL,
            )?;
            expect_eq("bytes", bytes, vec![0; size])?;
        }
    }
    Ok(())
}

fn fields_of_a_newer_version_are_zero(device: &Device) -> Result<()> {
    let number = SimLine::plain(device)?.number;
    let queue = Queue::open(device, Config::default())?;
    for (request, _, known) in GETTERS {
        for more in [1, 7, 8, 64, 1000] {
            // GET_LINE requires zeros there; all ioctls return zeros there.
            let tail = if request == ioctl::GET_LINE { 0 } else { 0xaa };
            let mut bytes = vec![0; known];
            bytes[..4].copy_from_slice(&number.to_ne_bytes());
            bytes.resize(known + more, tail);
            queue.ioctl_bytes(request, &mut bytes)?;
            expect_eq(
                format_args!("{request:#x} with {more} more bytes"),
                &bytes[known..],
                &vec![0; more],
            )?;
        }
    }
    Ok(())
}

fn largest_number(device: &Device) -> Result<()> {
    let number = SimLine::plain(device)?.number;
    let queue = Queue::open(device, Config::default())?;
    for (request, _, known) in GETTERS {
        let mut bytes = vec![0; (1 << 14) - 1];
        bytes[..4].copy_from_slice(&number.to_ne_bytes());
        queue.ioctl_bytes(request, &mut bytes)?;
        ensure_zero(&bytes[known..])?;
    }
    Ok(())
}

fn ensure_zero(bytes: &[u8]) -> Result<()> {
    expect_eq(
        "bytes that are not 0",
        bytes.iter().position(|byte| *byte != 0),
        None,
    )
}
