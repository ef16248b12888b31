// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared helpers of the tests: a booted machine and its agent.
//!
//! Environment variables select the system: `MYPOLL_FLAVOUR` is `normal` (default) or `debug`, `MYPOLL_KERNEL` a
//! version. `MYPOLL_LOGS` is a folder to keep the kernel logs in.

mod agent;
mod shell;

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lab::build::{BuildOptions, Flavour, System, build};
use lab::store::cache::Cache;
use lab::vm::client::Client;
use lab::vm::guest::Output;
use lab::vm::machine::{Machine, MachineOptions};
use lab::{Paths, Progress};

pub use agent::Agent;
pub use shell::shell;

/// Limit of waiting, so that no test hangs. Results do not depend on its length.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// A machine that all tests of a file use in turn. It ends with the test program.
pub type Shared = LazyLock<Mutex<Machine>>;

/// Waits for exclusive use of the machine.
pub fn lock(machine: &'static Shared) -> MutexGuard<'static, Machine> {
    // After a failed test the next one can still use the machine.
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The flavour of the kernel under test.
pub fn flavour() -> Flavour {
    match env::var("MYPOLL_FLAVOUR").as_deref() {
        Ok("debug") => Flavour::Debug,
        Ok("normal") | Err(_) => Flavour::Normal,
        Ok(other) => panic!("MYPOLL_FLAVOUR={other}: expected normal or debug"),
    }
}

/// Boots the system under test for a test file. `agent`: start the agent and forward its ports.
pub fn boot(file: &'static str, agent: bool) -> Machine {
    boot_with(file, agent, |_| {})
}

/// Like [`boot`], with a modified system.
pub fn boot_with(file: &'static str, agent: bool, change: impl FnOnce(&mut System)) -> Machine {
    try_boot(file, agent, change).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Like [`boot_with`], but returns errors.
pub fn try_boot(
    file: &'static str,
    agent: bool,
    change: impl FnOnce(&mut System),
) -> anyhow::Result<Machine> {
    let paths = Paths::find().unwrap();
    let progress = Progress::default();
    let mut system = system(&paths, &progress);
    change(&mut system);
    let machine = Machine::start(
        Cache::new(&paths, &progress),
        &system,
        &MachineOptions {
            purpose: file,
            agent,
            log: kernel_log(file),
            ..MachineOptions::default()
        },
    )?;
    machine.guest().give_up_after(TIMEOUT * 5).unwrap();
    Ok(machine)
}

fn system(paths: &Paths, progress: &Progress) -> System {
    let options = BuildOptions {
        kernel: env::var("MYPOLL_KERNEL")
            .ok()
            .map(|version| lab::cli::kernel(&version).unwrap()),
        flavour: flavour(),
        ..BuildOptions::default()
    };
    build(paths, &options, progress).unwrap_or_else(|error| panic!("{error:#}"))
}

/// The kernel log's path for a machine of a test file, if logs are kept.
pub fn kernel_log(file: &str) -> Option<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env::var_os("MYPOLL_LOGS")?);
    Some(folder.join(format!("{file}-{number}.log")))
}

/// The command of a script in `scripts/`, with the options of the system under test.
pub fn script(name: &str) -> Command {
    let mut command = Command::new(Paths::find().unwrap().repo.join("scripts").join(name));
    if matches!(name, "demo" | "run") {
        command.arg("--no-install");
        if let Ok(version) = env::var("MYPOLL_KERNEL") {
            command.args(["--kernel", &version]);
        }
        if flavour() == Flavour::Debug {
            command.arg("--debug");
        }
    }
    command
}

/// Runs a shell command in the guest. On a timeout it gets SIGTERM and has the status 143, so that other tests can
/// still use the guest.
pub fn try_sh(machine: &Machine, script: &str) -> Output {
    let limit = (TIMEOUT * 4).as_secs().to_string();
    let command = ["timeout", &limit, "sh", "-c", script];
    machine.guest().output(command).unwrap()
}

/// Runs a shell command in the guest that has to succeed. Returns its standard output.
pub fn sh(machine: &Machine, script: &str) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = try_sh(machine, script);
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status, 0, "{script}: {stderr}");
    String::from_utf8(stdout).unwrap()
}

/// A client that receives all events from now on.
pub fn client(machine: &Machine) -> Client {
    let [client] = clients(machine);
    client
}

/// `N` clients that all receive the same events from now on.
pub fn clients<const N: usize>(machine: &Machine) -> [Client; N] {
    let address = machine.agent().unwrap();
    [(); N].map(|()| Client::connect(address).unwrap())
}
