// SPDX-License-Identifier: MIT OR Apache-2.0

//! io_uring: reads and polls complete asynchronously, and no read sleeps while others wait.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use io_uring::opcode::{AsyncCancel, PollAdd, Read, ReadMulti, Write};
use mypoll::uapi::{Config, Event};
use nix::libc::{self, POLLIN};
use nix::sys::eventfd::EventFd;

use super::read::both_policies;
use super::tests;
use crate::check::expect_eq;
use crate::device::Device;
use crate::event;
use crate::handle::Handle;
use crate::ioctl::Plain;
use crate::queue::{Queue, RECORD};
use crate::uring::{Buffers, Completion, Uring, fd};

tests!("queue.uring":
    read_of_a_plain_file_completes,
    read_completes,
    read_needs_no_worker,
    read_waits_for_the_watermark,
    eagain_of_a_read_that_may_not_wait,
    cancelled_read_takes_no_event,
    write_is_a_command,
    poll_completes,
    multishot_poll_completes_each_time,
    multishot_read_of_a_plain_file,
    multishot_read,
    read_that_lost_a_race_sleeps_nowhere,
);

/// The current position, as of read(2).
const HERE: u64 = u64::MAX;

/// Submits a read into `buffer`, which must outlive the ring.
fn submit_read(uring: &mut Uring, handle: &Handle, buffer: &mut [u8], number: u64) -> Result<()> {
    let request = Read::new(fd(handle), buffer.as_mut_ptr(), buffer.len() as u32)
        .offset(HERE)
        .build()
        .user_data(number);
    // SAFETY: By this function's requirement.
    unsafe { uring.submit(request) }
}

fn expect_result(completion: Completion, number: u64, result: usize) -> Result<()> {
    expect_eq(
        "user_data and result",
        (completion.user_data, completion.result),
        (number, i32::try_from(result)?),
    )
}

fn read_of_a_plain_file_completes(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let mut buffer = [0; 256];
    let mut uring = Uring::new()?;
    for number in 1..=3 {
        submit_read(&mut uring, &handle, &mut buffer, number)?;
        expect_eq("before the event", uring.look(), None)?;
        handle.trigger()?;
        let completion = uring.wait()?;
        expect_eq("user_data", completion.user_data, number)?;
        let line = &buffer[..usize::try_from(completion.result)?];
        let event: event::Event = std::str::from_utf8(line)?.parse()?;
        expect_eq("source", event.source.as_str(), "manual")?;
    }
    Ok(())
}

fn read_completes(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let mut buffer = [0; 4 * RECORD];
        let mut uring = Uring::new()?;
        for number in 1..=3 {
            submit_read(&mut uring, &queue, &mut buffer, number.into())?;
            expect_eq("before the event", uring.look(), None)?;
            queue.trigger()?;
            expect_result(uring.wait()?, number.into(), RECORD)?;
            expect_eq("sequence", Event::from_bytes(&buffer).sequence, number)?;
        }
        // Waiting events arrive at once.
        queue.triggers(3)?;
        submit_read(&mut uring, &queue, &mut buffer, 4)?;
        expect_result(uring.wait()?, 4, 3 * RECORD)?;
    }
    Ok(())
}

/// The number of the process's threads that are io_uring workers, which run operations that may sleep.
fn workers() -> Result<usize> {
    let mut workers = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let name = fs::read_to_string(task?.path().join("comm")).unwrap_or_default();
        workers += usize::from(name.starts_with("iou-wrk"));
    }
    Ok(workers)
}

fn read_needs_no_worker(device: &Device) -> Result<()> {
    let queue = Queue::open_blocking(device, Config::default())?;
    let plain = device.open()?;
    let mut buffers = ([0; 256], [0; RECORD]);
    let mut uring = Uring::new()?;
    submit_read(&mut uring, &plain, &mut buffers.0, 1)?;
    submit_read(&mut uring, &queue, &mut buffers.1, 2)?;
    expect_eq("workers", workers()?, 0)?;
    plain.trigger()?;
    for _ in 0..2 {
        ensure!(uring.wait()?.result > 0, "a read failed");
    }
    expect_eq("workers", workers()?, 0)
}

/// Like a blocking read.
fn read_waits_for_the_watermark(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(
            device,
            Config {
                watermark_events: 3,
                ..config
            },
        )?;
        let mut buffer = [0; 4 * RECORD];
        let mut uring = Uring::new()?;
        queue.trigger()?;
        submit_read(&mut uring, &queue, &mut buffer, 1)?;
        queue.trigger()?;
        expect_eq("with 2 of 3 events", uring.look(), None)?;
        queue.trigger()?;
        expect_result(uring.wait()?, 1, 3 * RECORD)?;
    }
    Ok(())
}

/// O_NONBLOCK is different: io_uring waits for such a file.
fn eagain_of_a_read_that_may_not_wait(device: &Device) -> Result<()> {
    let queue = Queue::open_blocking(device, Config::default())?;
    let plain = device.open()?;
    let mut buffer = [0; 256];
    let mut uring = Uring::new()?;
    for handle in [&*queue, &plain] {
        let request = Read::new(fd(handle), buffer.as_mut_ptr(), 256)
            .offset(HERE)
            .rw_flags(libc::RWF_NOWAIT)
            .build();
        // SAFETY: The buffer outlives the ring.
        unsafe { uring.submit(request)? };
        expect_eq("result", uring.wait()?.result, -libc::EAGAIN)?;
    }
    Ok(())
}

fn cancelled_read_takes_no_event(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        let mut buffer = [0; RECORD];
        let mut uring = Uring::new()?;
        for sequence in 1..=10 {
            submit_read(&mut uring, &queue, &mut buffer, 1)?;
            // SAFETY: It points to nothing.
            unsafe { uring.submit(AsyncCancel::new(1).build().user_data(2))? };
            let mut results = [uring.wait()?, uring.wait()?];
            results.sort_by_key(|completion| completion.user_data);
            expect_eq(
                "results of the read and of its end",
                results.map(|completion| completion.result),
                [-libc::ECANCELED, 0],
            )?;
            queue.trigger()?;
            expect_eq("sequence", queue.next_record()?.sequence, sequence)?;
        }
    }
    Ok(())
}

fn write_is_a_command(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let mut uring = Uring::new()?;
    let mut write = |command: &'static str| {
        let request = Write::new(fd(&handle), command.as_ptr(), command.len() as u32)
            .offset(HERE)
            .build();
        // SAFETY: The command is never freed.
        unsafe { uring.submit(request)? };
        Ok::<_, anyhow::Error>(uring.wait()?.result)
    };
    expect_eq("trigger", write("trigger")?, 7)?;
    expect_eq("source", handle.event()?.source.as_str(), "manual")?;
    expect_eq("nonsense", write("nonsense")?, -libc::EINVAL)?;
    expect_eq("start", write("start 3600000")?, 13)?;
    expect_eq("timer_running", device.stats()?.timer_running, 1)?;
    expect_eq("stop", write("stop")?, 4)?;
    expect_eq("timer_running", device.stats()?.timer_running, 0)
}

fn poll(uring: &mut Uring, handle: &Handle, multi: bool) -> Result<()> {
    let request = PollAdd::new(fd(handle), POLLIN as u32)
        .multi(multi)
        .build()
        .user_data(7);
    // SAFETY: It points to nothing.
    unsafe { uring.submit(request) }
}

fn poll_completes(device: &Device) -> Result<()> {
    let [newest, oldest] = both_policies().map(|config| Queue::open(device, config));
    let plain = device.open_nonblocking()?;
    for handle in [&plain, &*newest?, &*oldest?] {
        handle.read_all()?;
        let mut uring = Uring::new()?;
        poll(&mut uring, handle, false)?;
        expect_eq("before the event", uring.look(), None)?;
        plain.trigger()?;
        expect_result(uring.wait()?, 7, POLLIN as usize)?;
        plain.drain()?;
    }
    Ok(())
}

fn multishot_poll_completes_each_time(device: &Device) -> Result<()> {
    let [newest, oldest] = both_policies().map(|config| Queue::open(device, config));
    let plain = device.open_nonblocking()?;
    for handle in [&plain, &*newest?, &*oldest?] {
        let mut uring = Uring::new()?;
        poll(&mut uring, handle, true)?;
        for _ in 0..5 {
            handle.read_all()?;
            // Earlier events are not reported again.
            while uring.look().is_some() {}
            handle.trigger()?;
            let completion = uring.wait()?;
            expect_result(completion, 7, POLLIN as usize)?;
            expect_eq("more", completion.more, true)?;
        }
        plain.drain()?;
    }
    Ok(())
}

/// Submits a read that completes for each event; returns the data of `count` completions.
fn read_multishot(handle: &Handle, count: usize, size: usize) -> Result<Vec<Vec<u8>>> {
    let mut uring = Uring::new()?;
    let buffers = Buffers::register(&uring, 64, size)?;
    let request = ReadMulti::new(fd(handle), 0, 0)
        .offset(HERE)
        .build()
        .user_data(9);
    // SAFETY: The buffers are never freed.
    unsafe { uring.submit(request)? };
    expect_eq("before the first event", uring.look(), None)?;
    let mut brought = Vec::new();
    for number in 0..count {
        // One by one at first, then several before the completions are taken.
        if number < 3 {
            handle.trigger()?;
        } else if number == 3 {
            (number..count).try_for_each(|_| handle.trigger())?;
        }
        let completion = uring.wait()?;
        ensure!(
            completion.result > 0 && completion.more,
            "seen {completion:?}, expected bytes and more to come"
        );
        brought.push(buffers.get(&completion)?.to_vec());
    }
    // Drop the ring before the buffers.
    drop(uring);
    std::mem::forget(buffers);
    Ok(brought)
}

fn multishot_read_of_a_plain_file(device: &Device) -> Result<()> {
    let handle = device.open()?;
    let first = device.stats()?.event_sequence + 1;
    let lines = read_multishot(&handle, 12, 256)?;
    for (line, number) in lines.iter().zip(first..) {
        let event: event::Event = std::str::from_utf8(line)?.parse()?;
        expect_eq("event", event.event, number)?;
    }
    Ok(())
}

fn multishot_read(device: &Device) -> Result<()> {
    for config in both_policies() {
        let queue = Queue::open_blocking(device, config)?;
        // One record per buffer.
        let records = read_multishot(&queue, 40, RECORD)?;
        for (record, number) in records.iter().zip(1..) {
            expect_eq("bytes", record.len(), RECORD)?;
            expect_eq("sequence", Event::from_bytes(record).sequence, number)?;
        }
        queue.expect_account(40, 0, 0)?;
    }
    Ok(())
}

/// Several rings wait for the shared queue, and one event wakes all of them. Those that find it taken must continue to
/// wait, not sleep in the read: nothing else in their ring would complete until the sleep is interrupted.
fn read_that_lost_a_race_sleeps_nowhere(device: &Device) -> Result<()> {
    const RINGS: usize = 4;
    const ROUNDS: usize = 200;
    Uring::new()?;
    let (answers, answered) = channel();
    let mut bells = Vec::new();
    for ring in 0..RINGS {
        let bell = EventFd::new()?;
        bells.push(bell.as_fd().try_clone_to_owned()?);
        let (handle, answers) = (device.open()?, answers.clone());
        thread::spawn(move || -> Result<()> {
            let mut uring = Uring::new()?;
            let (mut line, mut count) = ([0; 256], [0u8; 8]);
            let mut submit_bell = |uring: &mut Uring| {
                let bell = io_uring::types::Fd(bell.as_raw_fd());
                let request = Read::new(bell, count.as_mut_ptr(), 8).build().user_data(1);
                // SAFETY: The buffer lives as long as the ring.
                unsafe { uring.submit(request) }
            };
            submit_bell(&mut uring)?;
            submit_read(&mut uring, &handle, &mut line, 0)?;
            loop {
                let completion = uring.wait()?;
                if completion.user_data == 1 {
                    answers.send((ring, Ok(())))?;
                    submit_bell(&mut uring)?;
                } else if completion.result < 0 {
                    answers.send((ring, Err(completion.result)))?;
                } else {
                    submit_read(&mut uring, &handle, &mut line, 0)?;
                }
            }
        });
    }
    let writer = device.open_nonblocking()?;
    for round in 0..ROUNDS {
        writer.trigger()?;
        // Sleep meanwhile, so that the rings can race on all processors.
        while device.stats()?.queue_depth > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        for bell in &bells {
            nix::unistd::write(bell, &1u64.to_ne_bytes())?;
        }
        let mut silent: Vec<usize> = (0..RINGS).collect();
        while !silent.is_empty() {
            let (ring, read) = answered
                .recv_timeout(Duration::from_secs(60))
                .map_err(|_| anyhow!("{}", stacks()))
                .with_context(|| format!("round {round}: rings {silent:?} do nothing more"))?;
            read.map_err(|result| {
                anyhow!("round {round}: a read ended with {result}, expected it to wait on")
            })?;
            silent.retain(|number| *number != ring);
        }
    }
    Ok(())
}

/// The kernel stack of each thread.
fn stacks() -> String {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("stack")).ok())
        .map(|stack| stack.replace('\n', " ") + "; ")
        .collect()
}
