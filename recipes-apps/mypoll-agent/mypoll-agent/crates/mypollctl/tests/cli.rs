// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mypollctl` with files in place of the driver.

use std::fs;

use assert_cmd::{Command, assert::Assert, cargo::cargo_bin_cmd};
use mypoll_testing::FakeDriver;

const STATS: &str = "event_sequence=9\ngenerated=8\ndropped=7\nmanual_triggered=6\n\
                     timer_triggered=5\nqueue_depth=4\ntimer_running=1\ngpio_triggered=3\n";

fn mypollctl(driver: &FakeDriver) -> Command {
    let mut command = cargo_bin_cmd!("mypollctl");
    command.arg("--device").arg(driver.device());
    command.arg("--sysfs").arg(driver.sysfs());
    command
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

#[test]
fn monitor_prints_a_table() {
    let mut driver = FakeDriver::new();
    driver.press(1);
    driver.send(
        "event=4294967295 source=manual kind=trigger line=0 value=0 lost=7 timestamp_ns=48213377104",
    );
    mypollctl(&driver)
        .args(["monitor", "--shared", "--count", "2"])
        .assert()
        .success()
        .stdout(
            "     EVENT SOURCE KIND    LINE LABEL                    VALUE  LOST          SECONDS\n\
             \u{20}        1 gpio   rising     1 -                            1     0      0.000001000\n\
             4294967295 manual trigger    0 -                            0     7     48.213377104\n",
        );
}

#[test]
fn monitor_needs_no_list_of_lines() {
    let mut driver = FakeDriver::new();
    fs::remove_file(driver.sysfs().join("lines")).unwrap();
    driver.press(1);
    mypollctl(&driver)
        .args(["monitor", "--shared", "--count", "1"])
        .assert()
        .success();
}

#[test]
fn monitor_prints_json() {
    let mut driver = FakeDriver::new();
    driver.press(1);
    let assert = mypollctl(&driver)
        .args(["monitor", "--shared", "--json", "--count", "1"])
        .assert()
        .success();
    let mut event: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let time = event["time"].take();
    assert!(
        time.as_str().is_some_and(|time| time.ends_with('Z')),
        "{time}"
    );
    assert_eq!(
        event.to_string(),
        "{\"event\":1,\"kind\":\"rising\",\"line\":1,\"lost\":0,\"source\":\"gpio\",\
         \"time\":null,\"timestamp_ns\":\"1000\",\"value\":1}"
    );
}

#[test]
fn an_error_that_cannot_be_written_sets_the_exit_status() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("mypollctl"))
        .args(["trigger", "--device", "/nonexistent"])
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn commands_reach_the_driver() {
    for (arguments, command) in [
        (&["trigger"][..], "trigger\n"),
        (&["start"], "start\n"),
        (&["start", "3600000"], "start 3600000\n"),
        (&["stop"], "stop\n"),
        (&["reset"], "reset\n"),
    ] {
        let device = tempfile::NamedTempFile::new().unwrap();
        cargo_bin_cmd!("mypollctl")
            .arg("--device")
            .arg(device.path())
            .args(arguments)
            .assert()
            .success()
            .stdout("");
        assert_eq!(fs::read_to_string(device.path()).unwrap(), command);
    }
}

#[test]
fn stats_are_text_or_json() {
    let driver = FakeDriver::new();
    fs::write(driver.sysfs().join("stats"), STATS).unwrap();
    mypollctl(&driver)
        .arg("stats")
        .assert()
        .success()
        .stdout(STATS);
    mypollctl(&driver)
        .args(["stats", "--json"])
        .assert()
        .success()
        .stdout(
            "{\"event_sequence\":9,\"generated\":8,\"dropped\":7,\"manual_triggered\":6,\
             \"timer_triggered\":5,\"queue_depth\":4,\"timer_running\":true,\"gpio_triggered\":3}\n",
        );
}

#[test]
fn lines_need_the_driver() {
    let assert = mypollctl(&FakeDriver::new()).arg("lines").assert().code(1);
    assert_eq!(
        stderr(&assert),
        "mypollctl: unknown ioctl; the file is not a mypoll device, or its driver is too old\n"
    );
}

#[test]
fn a_missing_driver_is_reported() {
    for (arguments, expected) in [
        (
            ["trigger", "--device", "/nonexistent/mypoll"],
            "mypollctl: /nonexistent/mypoll does not exist; is the module loaded (modprobe mypoll)?\n",
        ),
        (
            ["stats", "--sysfs", "/nonexistent"],
            "mypollctl: cannot read /nonexistent/stats; is the module loaded (modprobe mypoll)?: \
             No such file or directory (os error 2)\n",
        ),
        (
            ["lines", "--device", "/nonexistent/mypoll"],
            "mypollctl: /nonexistent/mypoll does not exist; is the module loaded (modprobe mypoll)?\n",
        ),
    ] {
        let assert = cargo_bin_cmd!("mypollctl").args(arguments).assert().code(1);
        assert_eq!(stderr(&assert), expected);
    }
}

#[test]
fn a_refused_command_is_reported() {
    let assert = cargo_bin_cmd!("mypollctl")
        .args(["stop", "--device", "/dev/full"])
        .assert()
        .code(1);
    assert_eq!(
        stderr(&assert),
        "mypollctl: the command `stop` failed: No space left on device (os error 28)\n"
    );
}

#[test]
fn invalid_events_are_reported() {
    let mut driver = FakeDriver::new();
    driver.send("hello");
    let assert = mypollctl(&driver)
        .args(["monitor", "--shared", "--json"])
        .assert()
        .code(1);
    assert_eq!(
        stderr(&assert),
        "mypollctl: invalid line `hello`: `event=` is missing\n"
    );
}

#[test]
fn invalid_arguments_are_reported_with_their_range() {
    for (arguments, expected) in [
        (["start", "0"], "0 is not in 1..=3600000"),
        (["start", "3600001"], "3600001 is not in 1..=3600000"),
        (["monitor", "--count=0"], "0 is not in 1.."),
    ] {
        let assert = cargo_bin_cmd!("mypollctl").args(arguments).assert().code(2);
        assert!(stderr(&assert).contains(expected), "{}", stderr(&assert));
    }
}

#[test]
fn reconnecting_needs_an_agent_and_a_command_that_follows_it() {
    for command in [
        &["monitor"][..],
        &["monitor", "--shared"],
        &["wait", "door"],
    ] {
        let assert = cargo_bin_cmd!("mypollctl")
            .args(command)
            .arg("--reconnect")
            .assert()
            .code(1);
        assert_eq!(
            stderr(&assert),
            "mypollctl: the driver has no connection that could break: --reconnect needs --connect\n"
        );
    }
    let assert = cargo_bin_cmd!("mypollctl")
        .args(["--connect", "board:7070", "lines", "--reconnect"])
        .assert()
        .code(2);
    assert!(stderr(&assert).contains("unexpected argument '--reconnect'"));
}
