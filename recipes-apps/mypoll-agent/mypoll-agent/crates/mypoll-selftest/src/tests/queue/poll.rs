// SPDX-License-Identifier: MIT OR Apache-2.0

//! EPOLLPRI after a loss, and independence of the pollers of different queues.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use mypoll::uapi::{self, Config};
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::handle::{LOSS, READABLE, WRITABLE};
use crate::memory::GuardedPage;
use crate::module::set_parameter;
use crate::queue::{Queue, RECORD};
use crate::sleeper::Sleeper;
use crate::tests::epoll;

tests!("queue.poll":
    priority_from_a_loss_to_the_next_read,
    priority_outlives_a_failing_read,
    a_failing_read_leaves_nobody_asleep,
    a_loss_wakes_who_polls_for_it,
    edge_triggered_epoll_sees_each_event,
    exclusive_waiters_are_all_woken,
    exclusive_waiter_for_room_leaves_readers_theirs,
    another_queues_events_wake_nobody,
    poll_ret0_holds_for_queues_too,
);

fn small(base: Config) -> Config {
    Config {
        capacity: 4,
        ..base
    }
}

fn priority_from_a_loss_to_the_next_read(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, small(base))?;
        for _ in 0..3 {
            queue.triggers(4)?;
            expect_eq("full", queue.readiness()?, READABLE | WRITABLE)?;
            queue.triggers(2)?;
            expect_eq(
                "after a loss",
                queue.readiness()?,
                READABLE | WRITABLE | LOSS,
            )?;
            queue.read_records(1)?;
            expect_eq("after a read", queue.readiness()?, READABLE | WRITABLE)?;
            queue.drain_records()?;
            expect_eq("when empty", queue.readiness()?, WRITABLE)?;
        }
    }
    Ok(())
}

fn priority_outlives_a_failing_read(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, small(base))?;
        queue.triggers(6)?;
        for (result, errno) in [
            (queue.read(&mut [0; RECORD - 1]), Errno::EINVAL),
            (
                queue.read_to(GuardedPage::new()?.first_end(8), 4 * RECORD),
                Errno::EFAULT,
            ),
        ] {
            expect_errno("read", result, errno)?;
            expect_eq("poll", queue.readiness()?, READABLE | WRITABLE | LOSS)?;
        }
        let room_for_one = GuardedPage::new()?.first_end(RECORD);
        expect_eq(
            "read of one",
            queue.read_to(room_for_one, 4 * RECORD),
            Ok(RECORD),
        )?;
        expect_eq("after it", queue.readiness()?, READABLE | WRITABLE)?;
    }
    Ok(())
}

/// While a read copies an event, it is not in the queue if the queue drops its oldest events.
fn a_failing_read_leaves_nobody_asleep(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, base)?;
        queue.trigger()?;
        let over = AtomicBool::new(false);
        let address = GuardedPage::new()?.first_end(8).expose_provenance();
        thread::scope(|scope| {
            let reader = scope.spawn(|| -> Result<()> {
                while !over.load(Ordering::Relaxed) {
                    let address = std::ptr::with_exposed_provenance_mut(address);
                    expect_errno("read", queue.read_to(address, RECORD), Errno::EFAULT)?;
                }
                Ok(())
            });
            let polls = (0..3000).try_for_each(|_| queue.wait(PollFlags::POLLIN).map(drop));
            over.store(true, Ordering::Relaxed);
            let reads = reader.join().map_err(|_| anyhow!("the reader panicked"))?;
            polls.and(reads)
        })?;
        queue.expect_account(0, 0, 1)?;
    }
    Ok(())
}

fn a_loss_wakes_who_polls_for_it(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, small(base))?;
        queue.triggers(4)?;
        let writer = device.open()?;
        let poller = Sleeper::spawn(move || queue.wait(LOSS))?;
        poller.wait_asleep()?;
        writer.trigger()?;
        expect_eq("poll", poller.join()??, LOSS)?;
    }
    Ok(())
}

fn edge_triggered_epoll_sees_each_event(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open(device, base)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let wanted = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll.add(&*queue, EpollEvent::new(wanted, 0))?;
        let mut ready = [EpollEvent::empty()];
        for _ in 0..5 {
            queue.trigger()?;
            expect_eq("an event", epoll.wait(&mut ready, EpollTimeout::ZERO)?, 1)?;
            expect_eq("no further", epoll.wait(&mut ready, EpollTimeout::ZERO)?, 0)?;
        }
        expect_eq("events", queue.drain_records()?.len(), 5)?;
    }
    Ok(())
}

fn exclusive_waiters_are_all_woken(device: &Device) -> Result<()> {
    for base in both_policies() {
        epoll::expect_all_exclusive_waiters_woken(&*Queue::open(device, base)?)?;
    }
    Ok(())
}

fn exclusive_waiter_for_room_leaves_readers_theirs(device: &Device) -> Result<()> {
    for base in both_policies() {
        let queue = Queue::open_blocking(device, base)?;
        epoll::expect_reader_woken_beside_exclusive_waiter(queue.dup()?)?;
    }
    Ok(())
}

fn another_queues_events_wake_nobody(device: &Device) -> Result<()> {
    let timer_only = Queue::open(
        device,
        Config {
            sources: 1 << uapi::SOURCE_TIMER,
            ..Default::default()
        },
    )?;
    let other = Queue::open(device, Config::default())?;
    let poller = Sleeper::spawn(move || timer_only.wait(PollFlags::POLLIN))?;
    for _ in 0..50 {
        poller.wait_asleep()?;
        other.trigger()?;
    }
    poller.wait_asleep()?;
    other.command("start 1")?;
    let ready = poller.join()??;
    other.command("stop")?;
    expect_eq("poll", ready, PollFlags::POLLIN)
}

fn poll_ret0_holds_for_queues_too(device: &Device) -> Result<()> {
    let queue = Queue::open(device, Config::default())?;
    queue.trigger()?;
    set_parameter("poll_ret0", "1")?;
    let blind = queue.readiness();
    set_parameter("poll_ret0", "0")?;
    expect_eq("with poll_ret0", blind?, PollFlags::empty())?;
    expect_eq("without", queue.readiness()?, READABLE | WRITABLE)
}
