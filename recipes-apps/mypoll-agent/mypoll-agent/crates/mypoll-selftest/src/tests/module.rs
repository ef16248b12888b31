// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loading and unloading the module. The runner restores its initial state.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use mypoll::ioctl;
use mypoll::uapi::{Config, Info};
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::Pid;

use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::LINE_MAX;
use crate::mapping::Ring;
use crate::module::{self, ModuleFile};
use crate::queue::Queue;
use crate::runner::skip;

tests!("module":
    unload_is_refused_while_a_file_is_open,
    unload_is_refused_while_a_ring_is_mapped,
    unload_right_after_close,
    unload_right_after_closing_queues,
    unload_with_a_watermarks_time_running,
    unload_with_the_timer_running,
    unload_with_events_queued,
    unload_with_an_epoll_set_left,
    unload_and_load_repeatedly,
    default_queue_holds_16,
    queue_size_at_load,
    largest_queue_size,
    queue_size_out_of_range_is_refused,
    timer_period_ms_at_load,
    timer_period_ms_out_of_range_is_refused,
    poll_ret0_at_load,
    poll_ret0_out_of_range_is_refused,
    queues_max_at_load,
    queues_max_out_of_range_is_refused,
    events_count_from_1_after_load,
    debugfs_on_request_lists_the_queues,
);

/// Unloads the module, after checking that it can be loaded again.
fn unloaded(device: &Device) -> Result<ModuleFile> {
    let file = device.module_file()?;
    module::unload().context("delete_module")?;
    Ok(file)
}

/// Reloads the module with other parameters, and takes the events of the added lines.
fn reloaded(device: &Device, parameters: &str) -> Result<()> {
    unloaded(device)?
        .load(parameters)?
        .with_context(|| format!("loading with {parameters:?}"))?;
    take_all(device)
}

/// Takes all events, and one more that reports losses.
fn take_all(device: &Device) -> Result<()> {
    let handle = device.open_nonblocking()?;
    handle.drain()?;
    handle.trigger()?;
    handle.drain().map(drop)
}

/// The kernel refuses with EWOULDBLOCK; rmmod checks for users first and returns EBUSY.
fn unload_is_refused_while_a_file_is_open(device: &Device) -> Result<()> {
    device.module_file()?;
    let handle = device.open_nonblocking()?;
    expect_errno("delete_module", module::unload(), Errno::EWOULDBLOCK)?;
    handle.trigger()?;
    handle.event()?;
    let dup = handle.dup()?;
    drop(handle);
    expect_errno(
        "delete_module, dup open",
        module::unload(),
        Errno::EWOULDBLOCK,
    )?;
    drop(dup);
    expect_eq("delete_module after close", module::unload(), Ok(()))
}

/// A mapping counts like an open file.
fn unload_is_refused_while_a_ring_is_mapped(device: &Device) -> Result<()> {
    device.module_file()?;
    let queue = Queue::open(device, Config::default())?;
    let ring = Ring::map(&queue)?;
    drop(queue);
    expect_errno("delete_module", module::unload(), Errno::EWOULDBLOCK)?;
    drop(ring);
    expect_eq("delete_module after munmap", module::unload(), Ok(()))
}

fn unload_right_after_close(device: &Device) -> Result<()> {
    let file = device.module_file()?;
    for _ in 0..10 {
        let handle = device.open_nonblocking()?;
        handle.trigger()?;
        handle.event()?;
        drop(handle);
        module::unload().context("delete_module")?;
        file.load("")?.context("finit_module")?;
    }
    Ok(())
}

/// The memory of a queue may be freed after its file is closed, but not after the code that frees it.
fn unload_right_after_closing_queues(device: &Device) -> Result<()> {
    let file = device.module_file()?;
    for round in 0..10 {
        let queues = (1..=round)
            .map(|capacity| Queue::of_capacity(device, capacity))
            .collect::<Result<Vec<_>>>()?;
        for queue in &queues {
            queue.trigger()?;
            queue.configure(Config::default())?;
        }
        drop(queues);
        module::unload().context("delete_module")?;
        file.load("")?.context("finit_module")?;
    }
    Ok(())
}

fn unload_with_the_timer_running(device: &Device) -> Result<()> {
    let file = device.module_file()?;
    for _ in 0..10 {
        let handle = device.open_nonblocking()?;
        handle.command("start 1")?;
        handle.next_event()?;
        drop(handle);
        module::unload().context("delete_module")?;
        file.load("")?.context("finit_module")?;
        expect_eq(
            "timer_running after loading",
            device.stats()?.timer_running,
            0,
        )?;
    }
    take_all(device)?;
    device.open_nonblocking()?.expect_silence(50)
}

/// The timer of a closed queue must not expire in unloaded code.
fn unload_with_a_watermarks_time_running(device: &Device) -> Result<()> {
    let file = device.module_file()?;
    for watermark_us in [1, 100, 1000, 10_000, 100_000] {
        let queue = Queue::open(
            device,
            Config {
                watermark_events: 2,
                watermark_us,
                ..Default::default()
            },
        )?;
        queue.trigger()?;
        drop(queue);
        module::unload().context("delete_module")?;
        file.load("")?.context("finit_module")?;
    }
    take_all(device)?;
    device.open_nonblocking()?.expect_silence(150)
}

fn unload_with_events_queued(device: &Device) -> Result<()> {
    device.open()?.fill()?;
    reloaded(device, "")?;
    let handle = device.open_nonblocking()?;
    expect_errno("read", handle.read(&mut [0; LINE_MAX]), Errno::EAGAIN)
}

/// An epoll set that watched the device remains; closing the file must have removed the device's wait queue from it.
fn unload_with_an_epoll_set_left(device: &Device) -> Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    let handle = device.open_nonblocking()?;
    epoll.add(&handle, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
    drop(handle);
    reloaded(device, "")?;
    device.open()?.trigger()?;
    let ready = epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::ZERO)?;
    expect_eq("epoll_wait", ready, 0)
}

fn unload_and_load_repeatedly(device: &Device) -> Result<()> {
    let lines = device.lines()?;
    for _ in 0..20 {
        reloaded(device, "")?;
        ensure!(module::is_present(), "the module is gone after loading");
        expect_eq("lines", device.lines()?, lines.clone())?;
    }
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    handle.event().map(drop)
}

fn default_queue_holds_16(device: &Device) -> Result<()> {
    reloaded(device, "")?;
    expect_eq("events taken", device.open()?.fill()?, 16)
}

/// Loads the module with a queue of `size`, fills it twice from different positions, and expects each event in order.
fn expect_queue_of(device: &Device, size: usize) -> Result<()> {
    reloaded(device, &format!("queue_size={size}"))?;
    let handle = device.open_nonblocking()?;
    let mut next = device.stats()?.event_sequence + 1;
    for _ in 0..2 {
        expect_eq(format_args!("events taken of {size}"), handle.fill()?, size)?;
        let numbers: Vec<u32> = handle.drain()?.iter().map(|event| event.event).collect();
        expect_eq("events", numbers, (next..).take(size).collect())?;
        handle.trigger()?;
        handle.event()?;
        next += u32::try_from(size)? + 1;
    }
    Ok(())
}

fn queue_size_at_load(device: &Device) -> Result<()> {
    [1, 2, 3, 17, 100]
        .into_iter()
        .try_for_each(|size| expect_queue_of(device, size))
}

fn largest_queue_size(device: &Device) -> Result<()> {
    reloaded(device, "queue_size=65536")?;
    let handle = device.open_nonblocking()?;
    expect_eq("events taken", handle.fill()?, 65536)
}

/// Expects that loading the module fails with each of `bad`.
fn expect_refused(device: &Device, parameter: &str, bad: &[&str]) -> Result<()> {
    let file = unloaded(device)?;
    for value in bad {
        let setting = format!("{parameter}={value}");
        expect_errno(
            format_args!("finit_module with {setting}"),
            file.load(&setting)?,
            Errno::EINVAL,
        )?;
        ensure!(
            !module::is_present(),
            "{setting}: the module is loaded anyway"
        );
    }
    Ok(())
}

fn queue_size_out_of_range_is_refused(device: &Device) -> Result<()> {
    expect_refused(device, "queue_size", &["0", "65537", "-1", "many"])
}

fn timer_period_ms_at_load(device: &Device) -> Result<()> {
    reloaded(device, "timer_period_ms=7")?;
    expect_eq(
        "timer_period_ms",
        module::parameter("timer_period_ms")?.as_str(),
        "7",
    )?;
    let handle = device.open_nonblocking()?;
    handle.command("start")?;
    expect_eq("source", handle.next_event()?.source.as_str(), "timer")
}

fn timer_period_ms_out_of_range_is_refused(device: &Device) -> Result<()> {
    expect_refused(device, "timer_period_ms", &["0", "3600001", "-1", "soon"])
}

fn poll_ret0_at_load(device: &Device) -> Result<()> {
    reloaded(device, "poll_ret0=1")?;
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    expect_eq("poll", handle.readiness()?, PollFlags::empty())
}

fn poll_ret0_out_of_range_is_refused(device: &Device) -> Result<()> {
    expect_refused(device, "poll_ret0", &["2", "-1", "maybe"])
}

fn events_count_from_1_after_load(device: &Device) -> Result<()> {
    device.open()?.trigger()?;
    unloaded(device)?.load("")?.context("loading")?;
    let handle = device.open_nonblocking()?;
    handle.trigger()?;
    expect_eq("event", handle.event()?.event, 1)
}

fn queues_max_at_load(device: &Device) -> Result<()> {
    for queues_max in [1, 3, 256] {
        reloaded(device, &format!("queues_max={queues_max}"))?;
        let info = device.open()?.ioctl(ioctl::GET_INFO, Info::default())?;
        expect_eq("queues_max", info.queues_max, queues_max)?;
        expect_eq(
            "statistics",
            device.statistic("queues_max")?,
            queues_max.into(),
        )?;
        let queues = (0..queues_max)
            .map(|_| Queue::of_capacity(device, 1))
            .collect::<Result<Vec<_>>>()?;
        expect_errno(
            "one more",
            device.open()?.configure(Config::default()),
            Errno::EUSERS,
        )?;
        queues.last().context("a queue")?.trigger()?;
        for queue in &queues {
            expect_eq("depth", queue.stats()?.depth, 1)?;
        }
    }
    Ok(())
}

fn queues_max_out_of_range_is_refused(device: &Device) -> Result<()> {
    expect_refused(device, "queues_max", &["0", "257", "-1", "many"])
}

/// The module's folder in debugfs.
const DEBUG_FOLDER: &str = "/sys/kernel/debug/mypoll";

/// The content of the folder with one queue, which is closed afterwards.
fn debug_folder_of_a_queue(device: &Device) -> Result<String> {
    let queue = Queue::open(
        device,
        Config {
            capacity: 7,
            ..Default::default()
        },
    )?;
    queue.triggers(9)?;
    queue.read_records(2)?;
    Ok(fs::read_to_string(Path::new(DEBUG_FOLDER).join("queues"))?)
}

fn debugfs_on_request_lists_the_queues(device: &Device) -> Result<()> {
    if !Path::new(DEBUG_FOLDER).parent().is_some_and(Path::exists) {
        skip!("no debugfs in this kernel");
    }
    expect_eq("by default", Path::new(DEBUG_FOLDER).exists(), false)?;
    reloaded(device, "debugfs=1")?;
    let before = fs::read_to_string(Path::new(DEBUG_FOLDER).join("queues"));
    let during = debug_folder_of_a_queue(device);
    reloaded(device, "")?;
    expect_eq("without a queue", before?, String::new())?;
    expect_eq(
        "with one",
        during?,
        format!(
            "pid={} capacity=7 depth=5 high_water=7 generated=9 read=2 lost=2\n",
            Pid::this()
        ),
    )
}
