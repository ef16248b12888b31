// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines that do not boot, and machines whose program is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use system_tests::{TIMEOUT, script, try_boot};

#[test]
fn errors_of_qemu_are_passed_on() {
    let error = try_boot("machine", false, |system| {
        system.image = "/no/such/Image".into()
    })
    .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("qemu-system-aarch64 does not start: "),
        "{message}"
    );
    assert!(message.contains("/no/such/Image"), "{message}");
}

#[test]
fn an_invalid_overlay_is_an_error() {
    let overlay = tempfile::NamedTempFile::new().unwrap();
    let error = try_boot("machine", false, |system| {
        system.overlay = overlay.path().into()
    })
    .unwrap_err();
    let message = format!("{error:#}");
    assert!(
        message.starts_with("can't make the machine's device tree: "),
        "{message}"
    );
    assert!(message.contains("fdtoverlay"), "{message}");
}

/// Starts `./scripts/run` with a sleeping command in the guest and its own runtime folder.
fn sleeping(runtime: &Path) -> Child {
    let mut child = script("run")
        .env("XDG_RUNTIME_DIR", runtime)
        .args(["--", "sh", "-c", "echo ready; sleep 1000000"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    child
}

/// Whether a QEMU with this runtime folder is running.
fn qemu_runs(runtime: &Path) -> bool {
    let folder = runtime.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|process| fs::read(process.ok()?.path().join("cmdline")).ok())
        .map(|words| String::from_utf8_lossy(&words).into_owned())
        .any(|words| words.starts_with("qemu-system-aarch64") && words.contains(folder))
}

fn signal(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_terminated_run_cleans_up() {
    let runtime = tempfile::tempdir().unwrap();
    let mut run = sleeping(runtime.path());
    assert!(qemu_runs(runtime.path()));
    signal(&run, "-TERM");
    let status = run.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(15)
    );
    assert_eq!(
        fs::read_dir(runtime.path().join("mypoll")).unwrap().count(),
        0
    );
    wait_for_qemus_end(runtime.path());
}

#[test]
fn a_killed_run_ends_its_machine() {
    let runtime = tempfile::tempdir().unwrap();
    let mut run = sleeping(runtime.path());
    assert!(qemu_runs(runtime.path()));
    signal(&run, "-KILL");
    run.wait().unwrap();
    wait_for_qemus_end(runtime.path());
}

/// Waits until QEMU has ended. The kernel kills it, and it is not a child of this process.
fn wait_for_qemus_end(runtime: &Path) {
    let started = Instant::now();
    while qemu_runs(runtime) {
        assert!(started.elapsed() < TIMEOUT, "QEMU is still running");
        sleep(Duration::from_millis(20));
    }
}
