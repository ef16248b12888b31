// SPDX-License-Identifier: MIT OR Apache-2.0

//! The timer belongs to the user who started it.

use anyhow::Result;
use nix::errno::Errno;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::user::{ALICE, BOB, PublicNode, as_user};

tests!("timer.owner":
    another_user_is_refused,
    its_user_may_stop_and_restart_it,
    root_may_stop_anybodys,
    anybody_may_start_it_once_it_is_stopped,
    stop_of_a_stopped_timer_is_nobodys,
    only_root_stops_roots,
    other_commands_are_everybodys,
);

/// Writes each command as a user, and expects its result.
fn expect_commands(
    device: &Device,
    user: u32,
    commands: &[(&str, Result<(), Errno>)],
) -> Result<()> {
    as_user(user, || {
        let handle = device.open_nonblocking()?;
        for (command, expected) in commands {
            let what = format!("{command:?} of user {user}");
            let written = handle.write(command);
            match expected {
                Ok(()) => expect_eq(what, written, Ok(command.len()))?,
                Err(errno) => expect_errno(what, written, *errno)?,
            }
        }
        Ok(())
    })
}

const REFUSED: Result<(), Errno> = Err(Errno::EPERM);

fn expect_running(device: &Device, running: u32) -> Result<()> {
    expect_eq("timer_running", device.stats()?.timer_running, running)
}

fn another_user_is_refused(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    expect_commands(&public.device, ALICE, &[("start 3600000", Ok(()))])?;
    expect_commands(
        &public.device,
        BOB,
        &[
            ("stop", REFUSED),
            ("start", REFUSED),
            ("start 5", REFUSED),
            ("stop\n", REFUSED),
        ],
    )?;
    expect_running(device, 1)?;
    // It was not restarted with a shorter period, either.
    device.open_nonblocking()?.expect_silence(50)
}

fn its_user_may_stop_and_restart_it(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    expect_commands(&public.device, ALICE, &[("start 3600000", Ok(()))])?;
    // From another process and another open file.
    expect_commands(&public.device, ALICE, &[("start 5", Ok(()))])?;
    device.open_nonblocking()?.next_event()?;
    expect_commands(&public.device, ALICE, &[("stop", Ok(()))])?;
    expect_running(device, 0)
}

fn root_may_stop_anybodys(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    for command in ["stop", "start 60000"] {
        expect_commands(&public.device, ALICE, &[("start 3600000", Ok(()))])?;
        device.open()?.command(command)?;
        expect_running(device, u32::from(command != "stop"))?;
        device.open()?.command("stop")?;
    }
    Ok(())
}

fn anybody_may_start_it_once_it_is_stopped(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    for user in [ALICE, BOB, ALICE] {
        expect_commands(
            &public.device,
            user,
            &[("start 3600000", Ok(())), ("stop", Ok(()))],
        )?;
    }
    expect_commands(&public.device, ALICE, &[("start 3600000", Ok(()))])?;
    device.open()?.command("stop")?;
    expect_commands(&public.device, BOB, &[("start 3600000", Ok(()))])?;
    expect_commands(&public.device, ALICE, &[("stop", REFUSED)])
}

fn stop_of_a_stopped_timer_is_nobodys(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    expect_commands(
        &public.device,
        ALICE,
        &[("start 3600000", Ok(())), ("stop", Ok(()))],
    )?;
    expect_commands(&public.device, BOB, &[("stop", Ok(()))])
}

fn only_root_stops_roots(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    device.open()?.command("start 3600000")?;
    expect_commands(
        &public.device,
        ALICE,
        &[("stop", REFUSED), ("start", REFUSED)],
    )?;
    expect_running(device, 1)
}

fn other_commands_are_everybodys(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    device.open()?.command("start 3600000")?;
    expect_commands(
        &public.device,
        BOB,
        &[
            ("trigger", Ok(())),
            ("reset", Ok(())),
            ("start 0", Err(Errno::EINVAL)),
            ("nonsense", Err(Errno::EINVAL)),
        ],
    )
}
