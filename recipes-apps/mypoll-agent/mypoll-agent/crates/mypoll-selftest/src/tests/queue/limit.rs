// SPDX-License-Identifier: MIT OR Apache-2.0

//! The limits on the number of queues, and on the memory of a user's queues.

use std::time::Instant;

use anyhow::{Context, Result};
use mypoll::ioctl;
use mypoll::uapi::{self, Config, Info};
use nix::errno::Errno;

use super::read::both_policies;
use super::tests;
use crate::check::{expect_eq, expect_errno};
use crate::device::Device;
use crate::mapping::Ring;
use crate::queue::{Queue, sequences};
use crate::user::{ALICE, BOB, PublicNode, as_user, holder, in_child, limit_memlock};

tests!("queue.limit":
    eusers_beyond_queues_max,
    eusers_leaves_a_plain_file,
    a_dup_is_no_further_queue,
    failing_configures_take_no_place,
    eperm_beyond_rlimit_memlock,
    memory_is_given_back_at_close,
    memory_is_given_back_at_munmap,
    reconfiguring_charges_the_difference,
    eperm_of_a_reconfiguration_keeps_events,
    processes_of_a_user_count_together,
    each_user_has_a_limit_of_its_own,
    an_open_file_of_a_process_that_ended_counts,
    cap_ipc_lock_is_exempt,
    all_queues_at_a_time,
);

const LARGEST: Config = Config {
    capacity: uapi::CAPACITY_MAX,
    overflow: 0,
    clock: 0,
    sources: 0,
    watermark_events: 0,
    watermark_us: 0,
    flags: 0,
    kinds: 0,
    lines: [0; 16],
};

/// The slots of the largest queue, in bytes, without its control page.
const SLOTS: u64 = 32 * uapi::CAPACITY_MAX as u64;

/// Room for one of the largest queues and some small ones, but not for two.
const ROOM_FOR_ONE: u64 = SLOTS + (1 << 20);

fn queues_max(device: &Device) -> Result<u32> {
    let info = device.open()?.ioctl(ioctl::GET_INFO, Info::default())?;
    Ok(info.queues_max)
}

/// As many queues as the limit allows.
fn all_queues(device: &Device) -> Result<Vec<Queue>> {
    (0..queues_max(device)?)
        .map(|number| {
            Queue::of_capacity(device, 1).with_context(|| format!("queue {}", number + 1))
        })
        .collect()
}

fn eusers_beyond_queues_max(device: &Device) -> Result<()> {
    let mut queues = all_queues(device)?;
    for _ in 0..3 {
        let refused = device.open()?.configure(Config::default());
        expect_errno("one more", refused, Errno::EUSERS)?;
        queues[0].configure(Config::default())?;
        queues.pop();
        queues.push(Queue::of_capacity(device, 1).context("in place of another one")?);
    }
    expect_eq(
        "private_queues",
        device.statistic("private_queues")?,
        queues_max(device)?.into(),
    )
}

fn eusers_leaves_a_plain_file(device: &Device) -> Result<()> {
    let queues = all_queues(device)?;
    let plain = device.open_nonblocking()?;
    expect_errno(
        "one more",
        plain.configure(Config::default()),
        Errno::EUSERS,
    )?;
    plain.trigger()?;
    expect_eq("events", plain.drain()?.len(), 1)?;
    drop(queues);
    Queue::over(plain, Config::default()).map(drop)
}

fn a_dup_is_no_further_queue(device: &Device) -> Result<()> {
    let queues = all_queues(device)?;
    let dups = queues.iter().map(|queue| queue.dup());
    let dups = dups.collect::<Result<Vec<_>>>()?;
    drop(queues);
    let refused = device.open()?.configure(Config::default());
    expect_errno("one more", refused, Errno::EUSERS)?;
    drop(dups);
    Queue::of_capacity(device, 1).map(drop)
}

fn failing_configures_take_no_place(device: &Device) -> Result<()> {
    let wrong = Config {
        flags: 1,
        ..Config::default()
    };
    let mut plain = Vec::new();
    for _ in 0..2 * queues_max(device)? {
        let handle = device.open_nonblocking()?;
        expect_errno("a wrong one", handle.configure(wrong), Errno::EINVAL)?;
        let nowhere = handle.ioctl_at(ioctl::CONFIGURE, std::ptr::null_mut());
        expect_errno("at no address", nowhere, Errno::EFAULT)?;
        plain.push(handle);
    }
    limited(device, 4096, |device| {
        for _ in 0..2 * queues_max(device)? {
            let refused = device.open()?.configure(LARGEST);
            expect_errno("too much", refused, Errno::EPERM)?;
        }
        Ok(())
    })?;
    expect_eq("private_queues", device.statistic("private_queues")?, 0)?;
    all_queues(device).map(drop)
}

/// Runs `body` as an ordinary user who may lock this many bytes.
fn limited(device: &Device, bytes: u64, body: impl FnOnce(&Device) -> Result<()>) -> Result<()> {
    let public = PublicNode::new(device)?;
    as_user(ALICE, || {
        limit_memlock(bytes)?;
        body(&public.device)
    })
}

fn eperm_beyond_rlimit_memlock(device: &Device) -> Result<()> {
    limited(device, ROOM_FOR_ONE, |device| {
        for policy in both_policies() {
            let config = Config {
                capacity: uapi::CAPACITY_MAX,
                ..policy
            };
            let _first = Queue::open(device, config)?;
            let plain = device.open_nonblocking()?;
            expect_errno("a second one", plain.configure(config), Errno::EPERM)?;
            plain.trigger()?;
            expect_eq("events of the plain file", plain.drain()?.len(), 1)?;
            let _small = Queue::of_capacity(device, 128).context("a small one")?;
        }
        Ok(())
    })?;
    // Not even the control page.
    limited(device, 4095, |device| {
        let refused = device.open()?.configure(Config {
            capacity: 1,
            ..Config::default()
        });
        expect_errno("without a page", refused, Errno::EPERM)
    })
}

fn memory_is_given_back_at_close(device: &Device) -> Result<()> {
    limited(device, ROOM_FOR_ONE, |device| {
        for _ in 0..20 {
            let queue = Queue::open(device, LARGEST)?;
            queue.trigger()?;
            let refused = device.open()?.configure(LARGEST);
            expect_errno("a second one", refused, Errno::EPERM)?;
        }
        Ok(())
    })
}

fn memory_is_given_back_at_munmap(device: &Device) -> Result<()> {
    limited(device, ROOM_FOR_ONE, |device| {
        let queue = Queue::open(device, LARGEST)?;
        let ring = Ring::map(&queue)?;
        drop(queue);
        let other = device.open()?;
        expect_errno("while it is mapped", other.configure(LARGEST), Errno::EPERM)?;
        drop(ring);
        other.configure(LARGEST).context("afterwards")
    })
}

fn reconfiguring_charges_the_difference(device: &Device) -> Result<()> {
    limited(device, ROOM_FOR_ONE, |device| {
        let (one, other) = (
            Queue::of_capacity(device, 1)?,
            Queue::of_capacity(device, 1)?,
        );
        for _ in 0..10 {
            one.configure(LARGEST)?;
            expect_errno("both", other.configure(LARGEST), Errno::EPERM)?;
            one.configure(Config::default())?;
            other.configure(LARGEST)?;
            expect_errno("both", one.configure(LARGEST), Errno::EPERM)?;
            other.configure(Config::default())?;
        }
        Ok(())
    })
}

fn eperm_of_a_reconfiguration_keeps_events(device: &Device) -> Result<()> {
    limited(device, 1 << 20, |device| {
        let queue = Queue::of_capacity(device, 8)?;
        queue.triggers(10)?;
        expect_errno("larger", queue.configure(LARGEST), Errno::EPERM)?;
        queue.expect_account(0, 2, 8)?;
        expect_eq("capacity", queue.stats()?.capacity, 8)?;
        let events = queue.drain_records()?;
        expect_eq("sequences", sequences(&events), (1..=8).collect())
    })
}

fn processes_of_a_user_count_together(device: &Device) -> Result<()> {
    limited(device, ROOM_FOR_ONE, |device| {
        let queue = Queue::open(device, LARGEST)?;
        let configure = || {
            device
                .open()?
                .configure(LARGEST)
                .context("MYPOLL_CONFIGURE")
        };
        in_child(|| {
            let refused = device.open()?.configure(LARGEST);
            expect_errno("of a child", refused, Errno::EPERM)
        })?;
        drop(queue);
        in_child(configure)
    })
}

fn each_user_has_a_limit_of_its_own(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    let configure = || -> Result<Queue> {
        limit_memlock(ROOM_FOR_ONE)?;
        Queue::open(&public.device, LARGEST)
    };
    let _alice = holder(ALICE, configure)?;
    let _bob = holder(BOB, configure)?;
    for user in [ALICE, BOB] {
        as_user(user, || {
            limit_memlock(ROOM_FOR_ONE)?;
            let refused = public.device.open()?.configure(LARGEST);
            expect_errno("a second one", refused, Errno::EPERM)
        })?;
    }
    Ok(())
}

/// The memory is charged to the user who configured the queue, as long as the queue exists.
fn an_open_file_of_a_process_that_ended_counts(device: &Device) -> Result<()> {
    let public = PublicNode::new(device)?;
    let inherited = public.device.open()?;
    let alice = |body: &dyn Fn() -> Result<()>| {
        as_user(ALICE, || {
            limit_memlock(ROOM_FOR_ONE)?;
            body()
        })
    };
    alice(&|| inherited.configure(LARGEST).context("MYPOLL_CONFIGURE"))?;
    alice(&|| {
        let refused = public.device.open()?.configure(LARGEST);
        expect_errno("a second one", refused, Errno::EPERM)
    })?;
    drop(inherited);
    alice(&|| {
        let configured = public.device.open()?.configure(LARGEST);
        configured.context("after it was closed")
    })
}

fn cap_ipc_lock_is_exempt(device: &Device) -> Result<()> {
    limit_memlock(0)?;
    let queues = [LARGEST; 3].map(|config| Queue::open(device, config));
    for queue in queues {
        queue?.trigger()?;
    }
    Ok(())
}

/// Prints the cost; each queue still gets every event.
fn all_queues_at_a_time(device: &Device) -> Result<()> {
    let queues = all_queues(device)?;
    let writer = device.open()?;
    let start = Instant::now();
    writer.trigger()?;
    let one = start.elapsed();
    for queue in &queues {
        queue.expect_account(0, 0, 1)?;
    }
    let (count, start) = (queues.len(), Instant::now());
    drop(queues);
    println!(
        "# {count} queues: one event {one:?}, closing all {:?}",
        start.elapsed()
    );
    expect_eq("private_queues", device.statistic("private_queues")?, 0)
}
