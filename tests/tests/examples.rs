// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples with SIGIO, woken by presses from outside.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{LazyLock, Mutex};
use std::thread;

use lab::vm::buttons::Action;
use system_tests::{DEADLINE, Shared, boot, turn};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("examples", false)));

/// Runs `program` until it saw two presses. Each edge comes when the program has read the one before: a signal wakes it.
fn sees_presses(program: &str) {
    let machine = turn(&MACHINE);
    let buttons = machine.buttons().unwrap();
    let door = buttons.line("door").unwrap();
    let (screen, mut stdout) = UnixStream::pair().unwrap();
    screen.set_read_timeout(Some(DEADLINE)).unwrap();
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
