// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader of mypollctl's output that exits first.
//!
//! The only test of its program: a process started by another test would also hold the reading end until it execs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use mypoll_testing::FakeDriver;

#[test]
fn monitor_succeeds_when_its_reader_is_gone() {
    let mut driver = FakeDriver::new();
    driver.press(1);
    let mut child = Command::new(env!("CARGO_BIN_EXE_mypollctl"))
        .args(["monitor", "--shared", "--json", "--device"])
        .arg(driver.device())
        .arg("--sysfs")
        .arg(driver.sysfs())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    driver.press(2);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
