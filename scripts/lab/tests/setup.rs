// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests the program on machines that lack prerequisites of a build. Their package tools are fakes.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// A fake machine: PATH contains only the programs that a test adds.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        Self { dir }
    }

    fn with(self, program: &str, script: &str) -> Self {
        let path = self.dir.path().join("bin").join(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn with_real(self, program: &str) -> Self {
        let real = lab::deps::host::find_tool(program).unwrap();
        symlink(real, self.dir.path().join("bin").join(program)).unwrap();
        self
    }

    /// Debian with clang-14 and clang-19 available and almost nothing installed.
    fn debian(self) -> Self {
        self.with("dpkg-query", "echo 'ii  libc6-dev'; echo 'rc  libssl-dev'").with(
            "apt-cache",
            "for v in 14 19; do echo clang-$v; echo lld-$v; echo llvm-$v; echo libclang-$v-dev; done",
        )
    }

    fn command(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .arg(verb)
            .args(args)
            .env_clear()
            .env("PATH", self.dir.path().join("bin"))
            .env("XDG_CACHE_HOME", self.dir.path());
        command
    }

    fn build(&self, args: &[&str]) -> Output {
        self.command("build", args).output().unwrap()
    }

    /// The output of `./scripts/test` for a phase that has to be skipped.
    fn skips(&self, phase: &str) -> String {
        let output = self
            .command("test", &["--no-install", "--only", phase])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            text.contains(&format!("{phase}: 0 passed, 0 failed, 1 skipped")),
            "{text}"
        );
        text
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split_whitespace().any(|found| found == word)
}

#[test]
fn missing_programs_are_listed_on_other_distributions() {
    let message = message(&Machine::new().build(&[]));
    assert!(
        message.contains("these programs are missing: "),
        "{message}"
    );
    for tool in ["bison", "dtc", "qemu-system-aarch64", "clang", "ld.lld"] {
        assert!(has_word(&message, tool), "{tool}: {message}");
    }
}

#[test]
fn no_install_lists_the_packages_and_installs_nothing() {
    let machine = Machine::new()
        .debian()
        .with("apt-get", "echo \"$@\" > \"$(dirname \"$0\")/../called\"");
    let message = message(&machine.build(&["--no-install"]));
    for package in [
        "bison",
        "libssl-dev",
        "clang-19",
        "lld-19",
        "llvm-19",
        "libclang-19-dev",
    ] {
        assert!(has_word(&message, package), "{package}: {message}");
    }
    assert!(
        !has_word(&message, "libc6-dev"),
        "already installed: {message}"
    );
    assert!(!message.contains("clang-14"), "too old: {message}");
    assert!(!machine.path().join("called").exists());
}

#[test]
fn a_failed_compilation_has_its_own_exit_status() {
    let machine = ["dirname", "readlink", "sed"]
        .into_iter()
        .fold(Machine::new(), Machine::with_real);
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (script, status) in [("run", 69), ("press", 1)] {
        let output = Command::new(scripts.join(script))
            .args(["--no-install", "--", "true"])
            .env_clear()
            .env("PATH", machine.path().join("bin"))
            .env("HOME", machine.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("Missing: a C compiler"), "{text}");
    }
}

#[test]
fn the_package_for_python_programs_is_requested() {
    let text = Machine::new()
        .debian()
        .with("apt-get", "")
        .skips("driver: device-tree binding");
    assert!(has_word(&text, "python3-venv"), "{text}");
}

#[test]
fn a_mere_rustup_proxy_does_not_count_as_installed() {
    let text = Machine::new()
        .with("rustfmt", "exit 1")
        .skips("driver: the kernel's rustfmt");
    assert!(text.contains("rustfmt is not installed"), "{text}");
}

#[test]
fn a_failing_installation_shows_apts_error() {
    let script = "case \"$*\" in *update) ;; *) echo 'E: Unable to locate package bison' >&2; exit 100;; esac";
    // Without root, apt-get is started with sudo.
    let machine = Machine::new()
        .debian()
        .with("apt-get", script)
        .with_real("env")
        .with("sudo", "exec \"$@\"");
    let message = message(&machine.build(&["--yes"]));
    assert!(message.contains("Installing: "), "{message}");
    assert!(
        message.contains("error: packages: installing failed: "),
        "{message}"
    );
    assert!(
        message.contains("  | E: Unable to locate package bison"),
        "{message}"
    );
}

#[test]
fn a_distribution_without_a_sufficient_llvm_is_an_error() {
    let machine = Machine::new()
        .debian()
        .with("apt-cache", "echo clang-14")
        .with("apt-get", "")
        .with_real("env")
        .with("sudo", "exec \"$@\"");
    let message = message(&machine.build(&["--yes"]));
    assert!(
        message.contains("apt has no clang-NN with NN >= 15"),
        "{message}"
    );
}

/// Checks that SIGTERM to `lab` ends the program that it runs. The program's shell writes its PID to `$FIFO`.
fn check_termination(mut lab: Command, fifo: &Path) {
    mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut lab = lab
        .env("FIFO", fifo)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let shell: i32 = first_line(fifo).trim().parse().unwrap();
    let shell = pidfd_open(Pid::from_raw(shell).unwrap(), PidfdFlags::empty()).unwrap();
    kill_process(Pid::from_child(&lab), Signal::TERM).unwrap();
    assert_eq!(lab.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    assert!(is_ready(&shell), "the program's shell is still running");
}

/// The first line written to a FIFO. Fails if there is no writer.
fn first_line(fifo: &Path) -> String {
    let file = open(fifo, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    assert!(is_ready(&file), "nothing was written to {}", fifo.display());
    let mut line = [0; 16];
    let length = rustix::io::read(&file, &mut line).unwrap();
    String::from_utf8(line[..length].to_vec()).unwrap()
}

/// Waits up to 60 s until a file is readable or a process has ended.
fn is_ready(file: &impl AsFd) -> bool {
    let deadline = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&deadline)).unwrap() == 1
}

/// A script whose child writes the shell's PID and then blocks until the test writes.
const BLOCKING_SCRIPT: &str = "(echo \"$$\" > \"$FIFO\"; exec cat \"$FIFO\") & wait";

#[test]
fn a_signal_ends_the_programs_of_a_step() {
    let machine = Machine::new()
        .debian()
        .with("apt-get", BLOCKING_SCRIPT)
        .with_real("cat")
        .with_real("env")
        .with("sudo", "exec \"$@\"");
    check_termination(
        machine.command("build", &["--yes"]),
        &machine.path().join("fifo"),
    );
}

#[test]
fn a_signal_ends_the_tests() {
    let machine = Machine::new()
        .with("cargo", BLOCKING_SCRIPT)
        .with("cargo-fmt", "")
        .with_real("cat");
    let lab = machine.command("test", &["--only", "driver: rustfmt"]);
    check_termination(lab, &machine.path().join("fifo"));
}

/// A machine with a C compiler and a rustup whose default toolchain is too old.
fn with_old_rust() -> Machine {
    let machine = ["cat", "dirname", "readlink", "sed"]
        .into_iter()
        .fold(Machine::new(), Machine::with_real);
    let installed = machine.path().join("installed");
    let installed = installed.display();
    machine
        .with("cc", "")
        .with(
            "cargo",
            &format!(
                "[ \"$1\" = --version ] || {{ echo \"built by $RUSTUP_TOOLCHAIN\" >&2; exit 1; }}\n\
                 v=1.70.0; [ -e '{installed}' ] && [ -n \"$RUSTUP_TOOLCHAIN\" ] && v=$RUSTUP_TOOLCHAIN\n\
                 echo \"cargo $v (0 2026-01-01)\""
            ),
        )
        .with(
            "rustup",
            &format!("echo \"rustup $*\" >&2; echo \"$*\" >> '{installed}'"),
        )
}

/// Runs `./scripts/test` as a user, without a terminal. Returns its stderr.
fn test_script(machine: &Machine, user: u32, args: &[&str]) -> String {
    let id = machine.path().join("bin/id");
    fs::write(&id, format!("#!/bin/sh\necho {user}\n")).unwrap();
    fs::set_permissions(&id, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../test"))
        .args(args)
        .env_clear()
        .env("PATH", machine.path().join("bin"))
        .env("HOME", machine.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_user_without_a_terminal_has_to_consent_with_yes() {
    let machine = with_old_rust();
    let text = test_script(&machine, 1000, &[]);
    assert!(text.contains("--yes installs it"), "{text}");
    assert!(!machine.path().join("installed").exists(), "{text}");
}

#[test]
fn a_toolchain_is_added_without_changing_rustups_default() {
    for (user, args) in [(1000, &["--yes"][..]), (0, &[])] {
        let machine = with_old_rust();
        for installs in [true, false] {
            let text = test_script(&machine, user, args);
            assert!(text.contains("built by 1."), "{text}");
            assert_eq!(text.contains("Missing: Rust"), installs, "{text}");
        }
        let called = fs::read_to_string(machine.path().join("installed")).unwrap();
        assert_eq!(called.lines().count(), 1, "{called}");
        assert!(called.starts_with("toolchain install 1."), "{called}");
    }
}
