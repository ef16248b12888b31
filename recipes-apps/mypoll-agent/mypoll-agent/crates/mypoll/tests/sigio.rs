// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two SIGIO programs, with a FIFO in place of the device: a FIFO sends SIGIO, too.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{ChildStdout, Command, Stdio},
};

use nix::{sys::stat::Mode, unistd::mkfifo};

/// Cargo names the programs of a package to its tests, but not its examples.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.parent().unwrap().with_file_name("examples").join(name);
    Command::new(built)
}

fn send(driver: &mut File, sequence: u32) -> String {
    let line = format!(
        "event={sequence} source=timer kind=tick line=0 value=1 lost=0 timestamp_ns={sequence}\n"
    );
    driver.write_all(line.as_bytes()).unwrap();
    line
}

fn next_line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line
}

fn prints_what_comes_and_exits_after_the_last(name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mypoll");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let mut driver = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();

    // The first one is there before SIGIO was asked for; the others come when the program sleeps, or is about to.
    let mut expected = send(&mut driver, 1);
    let mut child = example(name)
        .arg("3")
        .arg("--device")
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for sequence in 2..=4 {
        assert_eq!(next_line(&mut stdout), expected);
        expected = send(&mut driver, sequence);
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(next_line(&mut stdout), "");
}

#[test]
fn sigio_test() {
    prints_what_comes_and_exits_after_the_last("sigio_test");
}

#[test]
fn sigio_eventfd_epoll() {
    prints_what_comes_and_exits_after_the_last("sigio_eventfd_epoll");
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
