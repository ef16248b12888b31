// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples that use SIGIO, with presses from outside.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{LazyLock, Mutex};
use std::thread;

use lab::vm::buttons::Action;
use system_tests::{Shared, TIMEOUT, boot, lock};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("examples", false)));

/// Runs `program` until it has received two presses. Each edge is sent after the program has read the previous one, so
/// that a signal has to wake it.
fn sees_presses(program: &str) {
    let machine = lock(&MACHINE);
    let buttons = machine.buttons().unwrap();
    let door = buttons.line("door").unwrap();
    let (screen, mut stdout) = UnixStream::pair().unwrap();
    screen.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut lines = BufReader::new(screen).lines();
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let mut stderr = Vec::new();
            let status = machine
                .guest()
                .run([program, "4"], None, &mut stdout, &mut stderr);
            (
                status.unwrap(),
                String::from_utf8_lossy(&stderr).into_owned(),
            )
        });
        for _ in 0..2 {
            for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
                buttons.act(door, action).unwrap();
                let line = lines.next().unwrap().unwrap();
                assert!(
                    line.contains(&format!("source=gpio kind={kind} line=1 ")),
                    "{line}"
                );
            }
        }
        assert_eq!(running.join().unwrap(), (0, String::new()));
    });
}

#[test]
fn sigio_test_sees_presses() {
    sees_presses("sigio_test");
}

#[test]
fn sigio_eventfd_epoll_sees_presses() {
    sees_presses("sigio_eventfd_epoll");
}
