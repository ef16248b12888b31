// SPDX-License-Identifier: MIT OR Apache-2.0
//! The contract of `./scripts/run` and `./scripts/press`, with the scripts themselves.

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

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn everything_is_passed_on() {
    // All bytes there are, more of them than any buffer on the way holds.
    let input: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let share = tempfile::Builder::new()
        .prefix("with, comma")
        .tempdir()
        .unwrap();
    fs::write(share.path().join("word"), "from the host\n").unwrap();
    // But for NUL, which no argument can hold.
    let odd: Vec<u8> = (1..=255).collect();
    let arguments = [
        OsStr::new(""),
        OsStr::new("it's \"$HOME\"\n`id` \\ *"),
        OsStr::from_bytes(&odd),
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
    assert_eq!(output.status.code(), Some(128 + 10), "{}", said(&output));
    assert!(
        output.stdout == input,
        "{} bytes came back",
        output.stdout.len()
    );
    let expected: Vec<u8> = arguments
        .iter()
        .flat_map(|word| [word.as_bytes(), b"|"].concat())
        .collect();
    assert!(output.stderr.ends_with(&expected), "{}", said(&output));
    assert_eq!(
        fs::read_to_string(share.path().join("copy")).unwrap(),
        "from the host\n"
    );
}

#[test]
fn without_a_command_a_shell_reads_standard_input() {
    let output = run_with_input(&mut script("run"), b"echo shell; no-such-command; exit $?");
    assert_eq!(output.status.code(), Some(127), "{}", said(&output));
    assert_eq!(output.stdout, b"shell\n");
    assert!(said(&output).contains("no-such-command"));
}

#[test]
fn a_command_that_is_not_there_is_127() {
    // A word that is the shell's own is no program, either.
    let output = run_with_input(script("run").args(["--", "exit", "3"]), b"");
    assert_eq!(output.status.code(), Some(127), "{}", said(&output));
}

#[test]
fn a_machine_that_does_not_come_up_is_69_and_shows_its_log() {
    let no_init = "init=/nonexistent rdinit=/nonexistent";
    let mut run = script("run");
    // The panic is what is wanted, and no mistake of the kernel's to be found in the logs.
    run.env_remove("MYPOLL_LOGS");
    let output = run_with_input(run.args(["--append", no_init, "--", "true"]), b"");
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(
        said(&output).contains("Kernel panic - not syncing"),
        "{}",
        said(&output)
    );
    let said = said(&output);
    let (_, log) = said.rsplit_once("whole kernel log: ").unwrap();
    assert!(
        fs::read_to_string(log.trim())
            .unwrap()
            .contains("Booting Linux")
    );
}

#[test]
fn the_kernels_log_is_kept_where_logs_are_asked_for() {
    let logs = tempfile::tempdir().unwrap();
    let output = run_with_input(
        script("run")
            .env("MYPOLL_LOGS", logs.path())
            .env_remove(MACHINES)
            .args(["--", "true"]),
        b"",
    );
    assert!(output.status.success(), "{}", said(&output));
    let kept: Vec<_> = fs::read_dir(logs.path())
        .unwrap()
        .map(|log| fs::read_to_string(log.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].contains("Booting Linux"), "{}", kept[0]);
}

#[test]
fn a_machine_that_goes_down_under_the_command_is_69() {
    let output = run_with_input(
        script("run").args(["--", "sh", "-c", "echo last words; poweroff -f"]),
        b"",
    );
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert_eq!(output.stdout, b"last words\n");
    assert!(said(&output).contains("Power down"), "{}", said(&output));
}

#[test]
fn a_share_that_is_no_folder_is_refused() {
    let output = run_with_input(
        script("run").args(["--share", "/no/such/folder", "--", "true"]),
        b"",
    );
    assert_eq!(output.status.code(), Some(69));
    assert!(
        said(&output).contains("can't share /no/such/folder"),
        "{}",
        said(&output)
    );
}

#[test]
fn when_nobody_reads_the_output_the_run_ends() {
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
    // A runtime folder of its own: other machines may be running.
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
        said(&none).contains("no machine is running"),
        "{}",
        said(&none)
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
        said(&unknown).contains("0 \"button\", 1 \"door\""),
        "{}",
        said(&unknown)
    );

    for (arguments, edges) in [
        (&["--line", "door", "--down"][..], &["rising line=1"][..]),
        (&["--line", "1", "--up"], &["falling line=1"]),
        (&[], &["rising line=0", "falling line=0"]),
    ] {
        let output = press(arguments);
        assert!(output.status.success(), "{}", said(&output));
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
        "its folder is left"
    );
}
