// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines that do not come up, and machines whose program is killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use system_tests::{DEADLINE, script, try_boot};

#[test]
fn what_qemu_refuses_is_passed_on() {
    let error = try_boot("machine", false, |system| {
        system.image = "/no/such/Image".into()
    })
    .unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("qemu-system-aarch64 does not start: "),
        "{said}"
    );
    assert!(said.contains("/no/such/Image"), "{said}");
}

#[test]
fn an_overlay_that_is_none_is_an_error() {
    let overlay = tempfile::NamedTempFile::new().unwrap();
    let error = try_boot("machine", false, |system| {
        system.overlay = overlay.path().into()
    })
    .unwrap_err();
    let said = format!("{error:#}");
    assert!(
        said.starts_with("can't make the machine's device tree: "),
        "{said}"
    );
    assert!(said.contains("fdtoverlay"), "{said}");
}

/// A `./scripts/run` whose guest sleeps, with a runtime folder of its own.
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

/// Whether a QEMU runs that has to do with this runtime folder.
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
fn a_terminated_run_leaves_nothing() {
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
    gone(runtime.path());
}

#[test]
fn a_killed_run_takes_its_machine_along() {
    let runtime = tempfile::tempdir().unwrap();
    let mut run = sleeping(runtime.path());
    assert!(qemu_runs(runtime.path()));
    signal(&run, "-KILL");
    run.wait().unwrap();
    gone(runtime.path());
}

/// The kernel kills QEMU, which nobody here can wait for.
fn gone(runtime: &Path) {
    let started = Instant::now();
    while qemu_runs(runtime) {
        assert!(started.elapsed() < DEADLINE, "QEMU still runs");
        sleep(Duration::from_millis(20));
    }
}
