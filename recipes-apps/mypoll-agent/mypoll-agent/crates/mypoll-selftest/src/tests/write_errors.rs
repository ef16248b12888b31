// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each error of a write; none of them changes anything.

use std::io::IoSlice;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::uio::{pwrite, writev};

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::Handle;
use crate::memory::GuardedPage;

tests!("errno.write":
    einval_unknown_command,
    einval_blanks_around_a_command,
    einval_two_lines,
    einval_two_lines_by_writev,
    einval_nul_bytes,
    einval_not_utf8,
    einval_more_than_32_bytes,
    einval_period_out_of_range,
    einval_period_not_a_number,
    einval_leaves_a_running_timer,
    enobufs_when_full,
    enobufs_of_a_blocking_write,
    enobufs_is_not_counted,
    efault_null,
    efault_unmapped,
    efault_within_the_command,
    espipe_pwrite,
);

/// Lets `write` fail with a queued event and a running timer, and expects no change.
fn changes_nothing(
    device: &Device,
    what: &str,
    errno: Errno,
    write: impl FnOnce(&Handle) -> nix::Result<usize>,
) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 3600000")?;
    handle.trigger()?;
    let before = device.stats()?;
    expect_errno(what, write(&handle), errno)?;
    expect_eq(format_args!("stats after {what}"), device.stats()?, before)?;
    expect_eq(
        format_args!("events after {what}"),
        handle.drain()?.len(),
        1,
    )
}

fn refused(device: &Device, commands: &[&str]) -> Result<()> {
    commands.iter().try_for_each(|command| {
        changes_nothing(device, &format!("{command:?}"), Errno::EINVAL, |handle| {
            handle.write(command)
        })
    })
}

fn einval_unknown_command(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            "x",
            "0",
            "2",
            "11",
            "triggers",
            "trigge",
            "TRIGGER",
            "starts",
            "stopp",
            "resets",
            "status",
            "trigger 1",
            "stop 1",
            "reset 1",
        ],
    )
}

fn einval_blanks_around_a_command(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            " ",
            " \n",
            " trigger",
            "trigger ",
            "trigger \n",
            "\ttrigger",
            "trigger\r\n",
            "1 ",
            "stop ",
            "reset ",
            "start ",
            "start \n",
            "start  100",
            "start 100 ",
            "start 100 \n",
            "start\t100",
        ],
    )
}

fn einval_two_lines(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            "\n\n",
            "trigger\n\n",
            "\ntrigger",
            "trigger\ntrigger",
            "trigger\ntrigger\n",
            "1\n1\n",
            "stop\nreset\n",
            "start\n100\n",
        ],
    )
}

fn einval_two_lines_by_writev(device: &Device) -> Result<()> {
    changes_nothing(device, "writev", Errno::EINVAL, |handle| {
        writev(
            handle,
            &[IoSlice::new(b"trigger\n"), IoSlice::new(b"stop\n")],
        )
    })
}

fn einval_nul_bytes(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            "\0",
            "1\0",
            "trigger\0",
            "trigger\n\0",
            "trigger\0\n",
            "stop\0",
            "\0trigger",
            "start 100\0",
        ],
    )
}

fn einval_not_utf8(device: &Device) -> Result<()> {
    for bytes in [b"\xff".as_slice(), b"trigger\xc3", b"start \xd9\xa1"] {
        changes_nothing(device, &format!("{bytes:x?}"), Errno::EINVAL, |handle| {
            handle.write(bytes)
        })?;
    }
    Ok(())
}

fn einval_more_than_32_bytes(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            &"x".repeat(32),
            &"x".repeat(33),
            // Its first 32 bytes are a command.
            &format!("start {:0>26}0", "100"),
            &format!("trigger\n{}", "\n".repeat(25)),
            &format!("stop{}", "\0".repeat(29)),
            &"trigger\n".repeat(1024),
        ],
    )
}

fn einval_period_out_of_range(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            "start 0",
            "start 0\n",
            "start 3600001",
            "start -1",
            "start 4294967295",
            "start 4294967296",
            "start 4294967297",
            "start 18446744073709551616",
            "start 18446744073709551617",
            "start 99999999999999999999999",
        ],
    )
}

fn einval_period_not_a_number(device: &Device) -> Result<()> {
    refused(
        device,
        &[
            "start x",
            "start 10x",
            "start x10",
            "start 0x10",
            "start 1e3",
            "start 1.5",
            "start 1 2",
            "start +5",
            "start ms",
            "start100",
        ],
    )
}

fn einval_leaves_a_running_timer(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.command("start 5")?;
    handle.next_event()?;
    expect_errno("start 0", handle.write("start 0"), Errno::EINVAL)?;
    handle.drain()?;
    expect_eq("source", handle.next_event()?.source.as_str(), "timer")
}

fn enobufs_when_full(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    for command in ["trigger", "1", "\n"] {
        handle.fill()?;
        expect_errno(
            format_args!("{command:?}"),
            handle.write(command),
            Errno::ENOBUFS,
        )?;
        handle.event()?;
        handle.command(command)?;
    }
    Ok(())
}

fn enobufs_of_a_blocking_write(device: &Device) -> Result<()> {
    let handle = device.open()?;
    handle.fill()?;
    expect_errno("write", handle.write("trigger"), Errno::ENOBUFS)
}

fn enobufs_is_not_counted(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.fill()?;
    let before = device.stats()?;
    for _ in 0..3 {
        expect_errno("write", handle.write("trigger"), Errno::ENOBUFS)?;
    }
    expect_eq("stats", device.stats()?, before)?;
    handle.drain()?;
    handle.trigger()?;
    let event = handle.event()?;
    expect_eq(
        "event, lost",
        (event.event, event.lost),
        (before.event_sequence + 1, 0),
    )
}

fn efault_null(device: &Device) -> Result<()> {
    changes_nothing(device, "a null pointer", Errno::EFAULT, |handle| {
        handle.write_from(std::ptr::null(), 7)
    })
}

fn efault_unmapped(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    changes_nothing(device, "unmapped memory", Errno::EFAULT, |handle| {
        handle.write_from(memory.first_end(0), 7)
    })
}

/// The readable part of the command would be a valid command.
fn efault_within_the_command(device: &Device) -> Result<()> {
    let memory = GuardedPage::new()?;
    for readable in ["1", "\n", "stop", "start 1", "trigger"] {
        changes_nothing(device, readable, Errno::EFAULT, |handle| {
            handle.write_from(memory.fill_end(readable.as_bytes()), readable.len() + 1)
        })
        .with_context(|| format!("{readable:?} readable, 1 byte not"))?;
    }
    Ok(())
}

fn espipe_pwrite(device: &Device) -> Result<()> {
    changes_nothing(device, "pwrite", Errno::ESPIPE, |handle| {
        pwrite(handle, b"trigger", 0)
    })
}
