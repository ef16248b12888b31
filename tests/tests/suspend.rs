// SPDX-License-Identifier: MIT OR Apache-2.0
//! Suspend-to-idle with a line that is a wakeup-source.

use std::fs;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab::vm::buttons::Action;
use lab::vm::machine::Machine;
use system_tests::{Shared, TIMEOUT, boot, lock, sh, try_sh};

static MACHINE: Shared = LazyLock::new(|| {
    let machine = boot("suspend", false);
    // Log the progress of a suspend immediately.
    sh(
        &machine,
        "echo N >/sys/module/printk/parameters/console_suspend && dmesg -n 8 &&
         echo 'file drivers/base/power/main.c +p' >/sys/kernel/debug/dynamic_debug/control",
    );
    Mutex::new(machine)
});

/// The line with wakeup-source.
const LINE: &str = "button";

fn act(machine: &Machine, action: Action) {
    let buttons = machine.buttons().unwrap();
    buttons.act(buttons.line(LINE).unwrap(), action).unwrap();
}

/// The number of noirq suspends of devices so far, the last phase: interrupts wake the machine or are deferred.
fn suspended(machine: &Machine) -> usize {
    let log = fs::read(machine.log()).unwrap();
    String::from_utf8_lossy(&log)
        .matches(": noirq bus suspend")
        .count()
}

/// Suspends the machine with a shell script, presses the line while it sleeps, and returns the script's output. Returns
/// `None` if the script ended without a suspend.
fn press_while_suspended(machine: &Machine, script: &str) -> Option<String> {
    let awake = suspended(machine);
    thread::scope(|scope| {
        let guest = scope.spawn(move || try_sh(machine, script));
        let started = Instant::now();
        while suspended(machine) == awake {
            if guest.is_finished() {
                return None;
            }
            assert!(started.elapsed() < TIMEOUT, "the machine does not suspend");
            thread::sleep(Duration::from_millis(20));
        }
        act(machine, Action::Down);
        let output = guest.join().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status, 0, "{script}: {stderr}");
        Some(String::from_utf8(output.stdout).unwrap())
    })
}

/// Expects the event of the press after the machine has resumed, and one of a release.
fn expect_press_and_release(machine: &Machine) {
    let next = || sh(machine, "head -n 1 /dev/mypoll");
    let pressed = next();
    assert!(
        pressed.contains("source=gpio kind=rising line=0 "),
        "{pressed}"
    );
    act(machine, Action::Up);
    let released = next();
    assert!(
        released.contains("source=gpio kind=falling line=0 "),
        "{released}"
    );
}

#[test]
fn a_press_wakes_the_machine_and_is_an_event() {
    let machine = lock(&MACHINE);
    let counts = press_while_suspended(
        &machine,
        "cd /sys/devices/platform/events/power && cat wakeup_active_count &&
         echo freeze >/sys/power/state && cat wakeup_active_count",
    )
    .expect("the machine does not suspend");
    let counts: Vec<u32> = counts.lines().map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[1], counts[0] + 1);
    expect_press_and_release(&machine);
}

/// Seconds until the clock wakes the machine. A slow machine may not yet sleep then: the next longer time is tried.
const ALARMS_S: [u32; 4] = [15, 30, 60, 120];

/// The clock wakes it. The press is still an event afterwards.
#[test]
fn a_press_does_not_wake_the_machine_if_wakeup_is_disabled() {
    let machine = lock(&MACHINE);
    sh(
        &machine,
        "echo disabled >/sys/devices/platform/events/power/wakeup",
    );
    let slept = ALARMS_S.into_iter().find_map(|alarm_s| {
        let script =
            format!("cat /proc/uptime && rtcwake -m freeze -s {alarm_s} >&2 && cat /proc/uptime");
        Some((alarm_s, press_while_suspended(&machine, &script)?))
    });
    let (alarm_s, times) = slept.expect("the machine does not suspend before any alarm");
    let times: Vec<f64> = times
        .lines()
        .map(|times| times.split_once(' ').unwrap().0.parse().unwrap())
        .collect();
    // The alarm has a resolution of 1 s.
    let asleep_s = times[1] - times[0];
    assert!(
        asleep_s > f64::from(alarm_s) - 1.0,
        "awake after {asleep_s} s"
    );
    expect_press_and_release(&machine);
    sh(
        &machine,
        "echo enabled >/sys/devices/platform/events/power/wakeup",
    );
}
