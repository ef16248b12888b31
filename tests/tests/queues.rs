// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example programs with private queues, in Rust and C, with presses from outside.

use std::sync::{LazyLock, Mutex};
use std::thread;

use lab::vm::buttons::Action;
use system_tests::{Shared, boot, lock};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("queues", false)));

/// Presses until `program` has received four edges. Its queue contains only events after its start.
fn receives_presses(program: &str) {
    let machine = lock(&MACHINE);
    let buttons = machine.buttons().unwrap();
    let door = buttons.line("door").unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let status = thread::scope(|scope| {
        let running = scope.spawn(|| {
            machine
                .guest()
                .run([program, "4"], None, &mut stdout, &mut stderr)
        });
        while !running.is_finished() {
            buttons.act(door, Action::Press).unwrap();
        }
        running.join().unwrap().unwrap()
    });
    assert_eq!(status, 0, "{}", String::from_utf8_lossy(&stderr));
    let stdout = String::from_utf8(stdout).unwrap();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    for (line, sequence) in lines.into_iter().zip(1..) {
        assert!(
            line.starts_with(&format!("event={sequence} source=")),
            "{line}"
        );
        assert!(line.contains(" line=1 "), "{line}");
    }
}

#[test]
fn queue_read() {
    receives_presses("queue_read");
}

#[test]
fn queue_tokio() {
    receives_presses("queue_tokio");
}

#[test]
fn queue_ring() {
    receives_presses("queue_ring");
}

#[test]
fn queue_in_c() {
    receives_presses("queue");
}
