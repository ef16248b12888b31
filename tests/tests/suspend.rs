// SPDX-License-Identifier: MIT OR Apache-2.0
//! Suspend-to-idle, and a line with wakeup-source.

use std::fs;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab::vm::buttons::Action;
use lab::vm::machine::Machine;
use system_tests::{DEADLINE, Shared, boot, sh, try_sh, turn};

static MACHINE: Shared = LazyLock::new(|| {
    let machine = boot("suspend", false);
    // So that the log tells, as it happens, how far a suspend is.
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

/// How many devices were suspended, in all, that are as the last ones, when interrupts have become wake-ups or wait.
fn suspended(machine: &Machine) -> usize {
    let log = fs::read(machine.log()).unwrap();
    String::from_utf8_lossy(&log)
        .matches(": noirq bus suspend")
        .count()
}

/// Has the machine sleep by a shell script, presses the line while it does, and returns what the script printed; `None` where the
/// script ended, and the machine had never slept.
fn press_asleep(machine: &Machine, script: &str) -> Option<String> {
    let awake = suspended(machine);
    thread::scope(|scope| {
        let guest = scope.spawn(move || try_sh(machine, script));
        let started = Instant::now();
        while suspended(machine) == awake {
            if guest.is_finished() {
                return None;
            }
            assert!(started.elapsed() < DEADLINE, "it does not sleep");
            thread::sleep(Duration::from_millis(20));
        }
        act(machine, Action::Down);
        let output = guest.join().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status, 0, "{script}: {said}");
        Some(String::from_utf8(output.stdout).unwrap())
    })
}

/// What comes of the press, once the machine is awake.
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
    let machine = turn(&MACHINE);
    let counts = press_asleep(
        &machine,
        "cd /sys/devices/platform/events/power && cat wakeup_active_count &&
         echo freeze >/sys/power/state && cat wakeup_active_count",
    )
    .expect("it does not sleep");
    let counts: Vec<u32> = counts.lines().map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[1], counts[0] + 1);
    expect_press_and_release(&machine);
}

/// After which the clock wakes it. The alarm may come before a slow machine sleeps: then a later one is tried.
const ALARMS_S: [u32; 4] = [15, 30, 60, 120];

/// The clock wakes it, and then the press is an event all the same.
#[test]
fn a_press_does_not_wake_the_machine_while_that_is_disabled() {
    let machine = turn(&MACHINE);
    sh(
        &machine,
        "echo disabled >/sys/devices/platform/events/power/wakeup",
    );
    let slept = ALARMS_S.into_iter().find_map(|alarm_s| {
        let script =
            format!("cat /proc/uptime && rtcwake -m freeze -s {alarm_s} >&2 && cat /proc/uptime");
        Some((alarm_s, press_asleep(&machine, &script)?))
    });
    let (alarm_s, times) = slept.expect("it does not sleep before any alarm");
    let times: Vec<f64> = times
        .lines()
        .map(|times| times.split_once(' ').unwrap().0.parse().unwrap())
        .collect();
    // The clock counts whole seconds.
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
