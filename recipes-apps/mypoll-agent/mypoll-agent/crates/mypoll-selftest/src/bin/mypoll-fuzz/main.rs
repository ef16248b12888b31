// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random operations on `/dev/mypoll` by several processes and threads at a time, for a kernel that detects a driver's
//! errors.
//!
//! Each thread has its own random generator, so that a seed gives the same operations in the same order; the scheduler
//! decides how those of several threads interleave. The results of operations are not checked: the selftest does that.

mod children;
mod files;
mod ioctls;
mod memory;
mod rng;
mod shared;
mod signals;
mod system;
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "x86_64"
))]
mod uring;
#[cfg(not(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "x86_64"
)))]
#[path = "no_uring.rs"]
mod uring;
mod waiting;
mod worker;

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::thread::JoinHandleExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setgroups, setpgid, setresgid, setresuid};

use crate::rng::Rng;
use crate::shared::Shared;
use crate::uring::Uring;
use crate::worker::{Pool, Worker};

/// Time limit for a process to exit after it was told to.
const GRACE: Duration = Duration::from_secs(60);
/// How often a thread that may be asleep is woken.
const WAKE: Duration = Duration::from_millis(20);
/// Descriptors of a process.
const FILES: u64 = 256;

/// Runs random operations on /dev/mypoll and its lines. Needs root.
///
/// Kernel bugs that it finds show up in the kernel log. Afterwards the driver has a stopped timer
/// and the lines of the device tree.
#[derive(Debug, Parser)]
#[command(
    name = "mypoll-fuzz",
    version,
    after_help = "Exit status: 0 when all processes ended, 1 otherwise."
)]
struct Cli {
    /// Duration
    #[arg(long, value_name = "N", default_value = "60")]
    seconds: u64,
    /// Seed of the random numbers [default: the time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Threads of each process
    #[arg(long, value_name = "T", default_value = "4", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// Processes; every second one is an ordinary user's
    #[arg(long, value_name = "P", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=16))]
    processes: u64,
    /// The device node
    #[arg(long, value_name = "NODE", default_value = "/dev/mypoll")]
    device: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mypoll-fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A node of the device that every user may open.
fn public_node(device: &Path) -> Result<PathBuf> {
    let number = fs::metadata(device)
        .with_context(|| device.display().to_string())?
        .rdev();
    let node = PathBuf::from(format!("/dev/mypoll-fuzz.{}", std::process::id()));
    mknod(&node, SFlag::S_IFCHR, Mode::empty(), number).context("mknod")?;
    fs::set_permissions(&node, Permissions::from_mode(0o666))?;
    Ok(node)
}

/// Runs all processes; true if each ended in time.
fn run(cli: &Cli) -> Result<bool> {
    let seed = cli.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |time| time.as_nanos() as u64)
    });
    println!("seed {seed}");
    let shared = Shared::map()?;
    let node = public_node(&cli.device)?;
    let name = CString::new(node.as_os_str().as_encoded_bytes())?;
    system::prepare();
    // Limits a signal to the group to these processes.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).context("setpgid")?;
    signals::prepare();
    setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES).context("RLIMIT_NOFILE")?;
    let mut seeds = Rng::new(seed);
    let mut processes = Vec::new();
    let start = |number, seed| -> Result<Pid> {
        // SAFETY: This process has one thread.
        match unsafe { fork() }.context("fork")? {
            ForkResult::Parent { child } => Ok(child),
            ForkResult::Child => process(cli, name.clone(), number, seed, shared),
        }
    };
    for number in 0..cli.processes {
        processes.push(start(number, seeds.number())?);
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(cli.seconds) {
        thread::sleep(WAKE);
        for (number, process) in processes.iter_mut().enumerate() {
            let status = waitpid(*process, Some(WaitPidFlag::WNOHANG)).context("waitpid")?;
            if status != WaitStatus::StillAlive {
                report(status);
                *process = start(number as u64, seeds.number())?;
            }
        }
    }
    shared.stop();
    let ended = wait_for(processes);
    system::restore();
    let stopped = fs::write(&node, "stop");
    fs::remove_file(&node)?;
    stopped.context("stopping the timer")?;
    shared.print();
    ended
}

/// Reports a process that ended too soon. A call may have hit the wrong file if its number was reused meanwhile: that
/// is this program's fault, not the driver's.
fn report(status: WaitStatus) {
    println!("a process ended with {status:?}");
}

/// Waits until all have ended, and prints where in the kernel the others are.
fn wait_for(mut processes: Vec<Pid>) -> Result<bool> {
    let start = Instant::now();
    let mut fine = true;
    while !processes.is_empty() && start.elapsed() < GRACE {
        thread::sleep(WAKE);
        let mut left = Vec::new();
        for process in processes {
            match waitpid(process, Some(WaitPidFlag::WNOHANG)).context("waitpid")? {
                WaitStatus::StillAlive => left.push(process),
                WaitStatus::Exited(_, 0) => {}
                status => report(status),
            }
        }
        processes = left;
    }
    for process in &processes {
        fine = false;
        println!("process {process} is still there:\n{}", stacks(*process));
        let _ = kill(*process, Signal::SIGKILL);
    }
    Ok(fine)
}

/// The kernel stack of each thread of a process.
fn stacks(process: Pid) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    tasks
        .into_iter()
        .flatten()
        .flatten()
        .map(|task| {
            let stack = fs::read_to_string(task.path().join("stack")).unwrap_or_default();
            format!("{}:\n{stack}", task.path().display())
        })
        .collect()
}

/// One of the processes: its threads, and their end.
fn process(cli: &Cli, node: CString, number: u64, seed: u64, shared: &'static Shared) -> ! {
    let root = number % 2 == 0;
    if !root {
        let id = 1000 + number as u32;
        let (gid, uid) = (Gid::from_raw(id), Uid::from_raw(id));
        let changed = setgroups(&[gid])
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid));
        if let Err(errno) = changed {
            println!("can't be another user: {errno}");
            // SAFETY: It runs no code of this process.
            unsafe { libc::_exit(1) }
        }
    }
    let pool: &'static Pool = Box::leak(Box::new(Pool::new(node, root)));
    let mut seeds = Rng::new(seed);
    let threads: Vec<_> = (0..cli.threads)
        .map(|_| {
            let seed = seeds.number();
            thread::spawn(move || {
                let mut worker = Worker::new(seed, pool, shared);
                while !shared.is_over() {
                    worker.step();
                }
            })
        })
        .collect();
    // Wakes threads that sleep in a read, periodically and at the end.
    while threads.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(WAKE);
        for thread in &threads {
            if !thread.is_finished() {
                // SAFETY: The thread was not joined yet.
                unsafe { libc::pthread_kill(thread.as_pthread_t(), signals::INTERRUPT) };
            }
        }
    }
    pool.close_all();
    // SAFETY: It runs no code of this process.
    unsafe { libc::_exit(0) }
}
