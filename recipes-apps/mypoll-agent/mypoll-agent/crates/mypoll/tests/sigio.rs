// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two SIGIO programs, with a FIFO in place of the device: a FIFO sends SIGIO, too.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use mypoll_testing::FakeDriver;

/// Cargo names the programs of a package to its tests, but not its examples.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.parent().unwrap().with_file_name("examples").join(name);
    Command::new(built)
}

fn prints_events_and_exits_after_the_last(name: &str) {
    let mut driver = FakeDriver::new();
    // The first events exist before SIGIO is enabled; the others arrive when the program sleeps, or is about to.
    let mut expected = vec![driver.press(1), driver.press(2)];
    let mut child = example(name)
        .arg("4")
        .arg("--device")
        .arg(driver.device())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for sequence in 3..=6 {
        assert_eq!(lines.next().unwrap().unwrap(), expected.remove(0));
        expected.push(driver.press(sequence));
    }
    assert!(child.wait().unwrap().success());
    assert!(lines.next().is_none());
}

#[test]
fn sigio_test() {
    prints_events_and_exits_after_the_last("sigio_test");
}

#[test]
fn sigio_eventfd_epoll() {
    prints_events_and_exits_after_the_last("sigio_eventfd_epoll");
}

#[test]
fn a_missing_device_is_named() {
    for name in ["sigio_test", "sigio_eventfd_epoll"] {
        let output = example(name)
            .args(["--device", "/nonexistent/mypoll"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr.contains("/nonexistent/mypoll does not exist; is the module loaded"),
            "{stderr}"
        );
    }
}
