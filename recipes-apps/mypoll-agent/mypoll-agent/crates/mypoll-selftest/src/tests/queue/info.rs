// SPDX-License-Identifier: MIT OR Apache-2.0

//! MYPOLL_GET_INFO and MYPOLL_GET_LINE, of a plain file and of one with a queue.

use std::path::Path;

use anyhow::{Context, Result};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Info, Line};
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::ioctl::Plain;
use crate::levels::numbers;
use crate::memory::GuardedPage;
use crate::module;
use crate::queue::Queue;
use crate::sim_line::SimLine;

tests!("queue.info":
    names_the_driver_and_its_lines,
    info_of_other_sizes,
    line_tells_what_the_device_tree_says,
    line_tells_its_level_now,
    line_enoent,
    line_einval,
    line_of_other_sizes,
    efault,
    no_lines_without_the_platform_device,
);

const NO_INFO: Info = Info {
    queues_max: 0,
    line_count: 0,
    features: 0,
    lines: [0; 16],
};

/// The driver's description of a line.
fn line(handle: &Handle, number: u32) -> nix::Result<Line> {
    handle.ioctl(
        ioctl::GET_LINE,
        Line {
            number,
            ..Line::default()
        },
    )
}

/// The text before the first 0.
fn text(array: &[u8]) -> String {
    let text = array.split(|byte| *byte == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(text).into()
}

fn names_the_driver_and_its_lines(device: &Device) -> Result<()> {
    let expected: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    let queue = Queue::open(device, Config::default())?;
    for handle in [&device.open()?, &*queue] {
        let info = handle.ioctl(ioctl::GET_INFO, NO_INFO)?;
        let known = uapi::FEATURE_QUEUES
            | uapi::FEATURE_MMAP
            | uapi::FEATURE_LEVELS
            | uapi::FEATURE_COUNTERS;
        expect_eq("features", info.features & 0b1111, known)?;
        expect_eq(
            "queues_max",
            info.queues_max.to_string(),
            module::parameter("queues_max")?,
        )?;
        expect_eq("line_count", info.line_count as usize, expected.len())?;
        expect_eq("lines", numbers(&info.lines), expected.clone())?;
    }
    Ok(())
}

fn info_of_other_sizes(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let known = size_of::<Info>();
    for size in [0, 4, known - 1] {
        let mut bytes = vec![0xaa; size];
        expect_errno(
            format_args!("{size} bytes"),
            handle.ioctl_bytes(ioctl::GET_INFO, &mut bytes),
            Errno::EINVAL,
        )?;
    }
    let mut bytes = vec![0xaa; known + 100];
    handle.ioctl_bytes(ioctl::GET_INFO, &mut bytes)?;
    expect_eq("tail", &bytes[known..], &[0; 100][..])
}

fn line_tells_what_the_device_tree_says(device: &Device) -> Result<()> {
    let handle = device.open()?;
    for known in device.lines()? {
        let line = line(&handle, known.number)?;
        expect_eq("number", line.number, known.number)?;
        expect_eq("label", text(&line.label), known.label)?;
        expect_eq("reserved", line.reserved, 0)?;
    }
    let both = uapi::LINE_RISING | uapi::LINE_FALLING;
    for (sim, offset, flags, debounce_us) in [
        (SimLine::plain(device)?, 0, both, 0),
        (
            SimLine::debounced(device)?,
            1,
            both | uapi::LINE_DEBOUNCED,
            50_000,
        ),
        (SimLine::button(device)?, 2, both | uapi::LINE_ACTIVE_LOW, 0),
        (SimLine::rising(device)?, 3, uapi::LINE_RISING, 0),
        (
            SimLine::falling(device)?,
            4,
            uapi::LINE_FALLING | uapi::LINE_ACTIVE_LOW,
            0,
        ),
    ] {
        let line = line(&handle, sim.number)?;
        expect_eq(
            format_args!("{}: offset, flags, debounce_us", sim.label()),
            (line.offset, line.flags, line.debounce_us),
            (offset, flags, debounce_us),
        )?;
        let chip = Path::new("/sys/devices/platform/gpio-sim").join(text(&line.chip));
        expect_eq(
            format_args!("{chip:?} is a chip"),
            chip.join("dev").exists(),
            true,
        )?;
    }
    Ok(())
}

fn line_tells_its_level_now(device: &Device) -> Result<()> {
    let handle = device.open()?;
    for sim in [SimLine::plain(device)?, SimLine::button(device)?] {
        for pressed in [true, false, true] {
            sim.set(pressed)?;
            let line = line(&handle, sim.number)?;
            expect_eq(sim.label(), line.value, pressed.into())?;
        }
    }
    Ok(())
}

fn line_enoent(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let known: Vec<u32> = device.lines()?.iter().map(|line| line.number).collect();
    for number in (0..1024).filter(|number| !known.contains(number)) {
        let asked = line(&handle, number);
        expect_errno(format_args!("line {number}"), asked, Errno::ENOENT)?;
    }
    for number in [1024, 1 << 16, u32::MAX] {
        let asked = line(&handle, number);
        expect_errno(format_args!("line {number}"), asked, Errno::ENOENT)?;
    }
    Ok(())
}

fn line_einval(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let number = SimLine::plain(device)?.number;
    let asked = Line {
        number,
        ..Line::default()
    };
    for reserved in [
        Line {
            reserved: 1,
            ..asked
        },
        Line {
            reserved2: 1,
            ..asked
        },
    ] {
        expect_errno(
            format_args!("{reserved:?}"),
            handle.ioctl(ioctl::GET_LINE, reserved),
            Errno::EINVAL,
        )?;
    }
    Ok(())
}

fn line_of_other_sizes(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let number = SimLine::plain(device)?.number;
    let known = size_of::<Line>();
    let asked = Line {
        number,
        ..Line::default()
    }
    .bytes();
    for size in [0, 4, 24, uapi::LINE_SIZE_VER0 - 1] {
        expect_errno(
            format_args!("{size} bytes"),
            handle.ioctl_bytes(ioctl::GET_LINE, &mut asked[..size].to_vec()),
            Errno::EINVAL,
        )?;
    }
    let mut longer = asked.clone();
    longer.resize(known + 70, 0);
    handle.ioctl_bytes(ioctl::GET_LINE, &mut longer)?;
    expect_eq(
        "label",
        text(&Line::from_bytes(&longer).label),
        "sim".into(),
    )?;
    expect_eq("tail", &longer[known..], &[0; 70][..])?;
    for set in [known, known + 69] {
        let mut longer = asked.clone();
        longer.resize(known + 70, 0);
        longer[set] = 1;
        expect_errno(
            format_args!("byte {set}"),
            handle.ioctl_bytes(ioctl::GET_LINE, &mut longer),
            Errno::E2BIG,
        )?;
    }
    Ok(())
}

fn efault(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let memory = GuardedPage::new()?;
    for request in [ioctl::GET_INFO, ioctl::GET_LINE] {
        for address in [
            std::ptr::null_mut(),
            memory.first_end(0),
            memory.first_end(8),
        ] {
            expect_errno(
                format_args!("{request:#x} at {address:?}"),
                handle.ioctl_at(request, address),
                Errno::EFAULT,
            )?;
        }
    }
    // Readable, but not writable.
    let number = SimLine::plain(device)?.number;
    let asked = memory.fill_end(
        &Line {
            number,
            ..Line::default()
        }
        .bytes(),
    );
    memory.make_read_only()?;
    expect_errno(
        "read-only",
        handle.ioctl_at(ioctl::GET_LINE, asked),
        Errno::EFAULT,
    )
}

fn no_lines_without_the_platform_device(device: &Device) -> Result<()> {
    let binding = device.binding()?;
    let handle = device.open()?;
    let number = SimLine::plain(device)?.number;
    binding.unbind()?;
    let info = handle.ioctl(ioctl::GET_INFO, NO_INFO);
    let gone = line(&handle, number);
    binding.bind()?;
    let info = info.context("MYPOLL_GET_INFO")?;
    expect_eq("line_count", info.line_count, 0)?;
    expect_eq("lines", numbers(&info.lines), vec![])?;
    expect_errno("MYPOLL_GET_LINE", gone, Errno::ENOENT)?;
    expect_eq("number", line(&handle, number)?.number, number)
}
