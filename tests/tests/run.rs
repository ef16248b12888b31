// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of `./scripts/run` and `./scripts/press`.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

use lab::vm::machine::MACHINES;
use system_tests::script;

fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn streams_arguments_files_and_status_are_passed_on() {
    // All byte values, and more data than any buffer on the way holds.
    let input: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let share = tempfile::Builder::new()
        .prefix("with, comma")
        .tempdir()
        .unwrap();
    fs::write(share.path().join("word"), "from the host\n").unwrap();
    // Arguments can't contain NUL.
    let all_bytes: Vec<u8> = (1..=255).collect();
    let arguments = [
        OsStr::new(""),
        OsStr::new("it's \"$HOME\"\n`id` \\ *"),
        // A digit after an octal escape.
        OsStr::new("1\x011"),
        OsStr::from_bytes(&all_bytes),
    ];
    let output = run_with_input(
        script("run")
            .arg("--share")
            .arg(share.path())
            .args(["--", "sh", "-c"])
            .arg(
                "cat
                printf '%s|' \"$@\" >&2
                cat /mnt/host/word >/mnt/host/copy
                test \"$(id -u)\" = 0 && kill -USR1 $$",
            )
            .arg("name")
            .args(arguments),
        &input,
    );
    assert_eq!(output.status.code(), Some(128 + 10), "{}", stderr(&output));
    assert!(
        output.stdout == input,
        "{} bytes came back",
        output.stdout.len()
    );
    let expected: Vec<u8> = arguments
        .iter()
        .flat_map(|word| [word.as_bytes(), b"|"].concat())
        .collect();
    assert!(output.stderr.ends_with(&expected), "{}", stderr(&output));
    assert_eq!(
        fs::read_to_string(share.path().join("copy")).unwrap(),
        "from the host\n"
    );
}

#[test]
fn without_a_command_a_shell_reads_standard_input() {
    let output = run_with_input(&mut script("run"), b"echo shell; no-such-command; exit $?");
    assert_eq!(output.status.code(), Some(127), "{}", stderr(&output));
    assert_eq!(output.stdout, b"shell\n");
    assert!(stderr(&output).contains("no-such-command"));
}

#[test]
fn a_missing_command_is_127() {
    // A shell builtin is not a program, either.
    let output = run_with_input(script("run").args(["--", "exit", "3"]), b"");
    assert_eq!(output.status.code(), Some(127), "{}", stderr(&output));
}

#[test]
fn a_machine_that_does_not_boot_is_69_and_shows_its_log() {
    let no_init = "init=/nonexistent rdinit=/nonexistent";
    let mut run = script("run");
    // The panic is intended: it must not count as a fault in the logs.
    run.env_remove("MYPOLL_LOGS");
    let output = run_with_input(run.args(["--append", no_init, "--", "true"]), b"");
    assert_eq!(output.status.code(), Some(69), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("Kernel panic - not syncing"),
        "{}",
        stderr(&output)
    );
    let stderr = stderr(&output);
    let (_, log) = stderr.rsplit_once("full kernel log: ").unwrap();
    assert!(
        fs::read_to_string(log.trim())
            .unwrap()
            .contains("Booting Linux")
    );
}

#[test]
fn the_kernel_log_is_kept_if_a_folder_is_set() {
    let logs = tempfile::tempdir().unwrap();
    let output = run_with_input(
        script("run")
            .env("MYPOLL_LOGS", logs.path())
            .env_remove(MACHINES)
            .args(["--", "true"]),
        b"",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let kept: Vec<_> = fs::read_dir(logs.path())
        .unwrap()
        .map(|log| fs::read_to_string(log.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("Booting Linux"), "{}", kept[0]);
}

#[test]
fn a_machine_that_goes_down_during_the_command_is_69() {
    let output = run_with_input(
        script("run").args(["--", "sh", "-c", "echo last words; poweroff -f"]),
        b"",
    );
    assert_eq!(output.status.code(), Some(69), "{}", stderr(&output));
    assert_eq!(output.stdout, b"last words\n");
    assert!(
        stderr(&output).contains("Power down"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_share_that_is_not_a_folder_is_refused() {
    let output = run_with_input(
        script("run").args(["--share", "/no/such/folder", "--", "true"]),
        b"",
    );
    assert_eq!(output.status.code(), Some(69));
    assert!(
        stderr(&output).contains("can't share /no/such/folder"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn closed_output_ends_the_run() {
    let mut child = script("run")
        .args(["--", "yes"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut start = [0; 2];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"y\n");
    assert_eq!(child.wait().unwrap().code(), Some(128 + 13));
}

#[test]
fn press_finds_the_running_machine() {
    // Its own runtime folder, since other machines may be running.
    let runtime = tempfile::tempdir().unwrap();
    let press = |arguments: &[&str]| {
        let mut command = script("press");
        command
            .env("XDG_RUNTIME_DIR", runtime.path())
            .args(arguments);
        run_with_input(&mut command, b"")
    };
    let none = press(&[]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        stderr(&none).contains("no machine is running"),
        "{}",
        stderr(&none)
    );

    let mut machine = script("run")
        .env("XDG_RUNTIME_DIR", runtime.path())
        .args([
            "--",
            "sh",
            "-c",
            "echo ready; for event in 1 2 3 4; do head -n 1; done </dev/mypoll",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(machine.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");

    let unknown = press(&["--line", "bell"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("0 \"button\", 1 \"door\""),
        "{}",
        stderr(&unknown)
    );

    for (arguments, edges) in [
        (&["--line", "door", "--down"][..], &["rising line=1"][..]),
        (&["--line", "1", "--up"], &["falling line=1"]),
        (&[], &["rising line=0", "falling line=0"]),
    ] {
        let output = press(arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        for edge in edges {
            let line = lines.next().unwrap().unwrap();
            assert!(line.contains(&format!(" kind={edge} ")), "{line}");
        }
    }
    assert!(machine.wait().unwrap().success());
    let machines = runtime.path().join("mypoll");
    assert_eq!(
        fs::read_dir(machines).unwrap().count(),
        0,
        "its folder was not removed"
    );
}
