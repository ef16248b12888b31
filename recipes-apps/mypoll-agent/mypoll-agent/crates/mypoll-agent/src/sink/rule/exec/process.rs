// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running program, with all its child processes.
//!
//! The program is the leader of a process group. Its PID is not reused until it is reaped, so the whole group gets its
//! signals before that.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, Interest, unix::AsyncFd},
    net::unix::pipe,
    task, time,
};
use tracing::info;

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How much of its output is logged, in bytes.
const OUTPUT: usize = 1024;

/// Environment variables of the agent that are passed on.
const ENVIRONMENT: [&str; 6] = ["HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER"];

/// The program, its arguments and its environment.
pub(super) struct Invocation {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) timeout: Duration,
}

/// Why a run failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("cannot run {}: {error}", program.display())]
    Start { program: PathBuf, error: io::Error },
    #[error("cannot watch {}: {error}", program.display())]
    Watch { program: PathBuf, error: io::Error },
    #[error("{} was killed after {timeout:?}{}", program.display(), Said(output))]
    Timeout {
        program: PathBuf,
        timeout: Duration,
        output: Vec<u8>,
    },
    #[error("{} failed: {status}{}", program.display(), Said(output))]
    Status {
        program: PathBuf,
        status: ExitStatus,
        output: Vec<u8>,
    },
}

/// The end of a message: the program's output.
struct Said<'a>(&'a [u8]);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.trim_ascii() {
            [] => Ok(()),
            said => write!(f, "; output: {:?}", String::from_utf8_lossy(said)),
        }
    }
}

impl Invocation {
    /// Runs it until it exits. Dropping the future kills it.
    pub(super) async fn run(self, rule: &str) -> Result<(), Failure> {
        let program = self.program.clone();
        let timeout = self.timeout;
        let start = |error| Failure::Start {
            program: program.clone(),
            error,
        };
        let (sender, mut output) = pipe::pipe().map_err(start)?;
        let sender = sender.into_blocking_fd().map_err(start)?;
        // Loading the program from a slow file system may block.
        let spawned = task::spawn_blocking(move || self.spawn(sender)).await;
        let mut group = spawned
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(start)?;
        let watch = |error| Failure::Watch {
            program: program.clone(),
            error,
        };
        let mut said = Vec::new();
        let outcome = group.until_end(timeout, &mut output, &mut said).await;
        let (status, in_time) = outcome.map_err(watch)?;
        drain(&output, &mut said);
        match (in_time, status.success()) {
            (false, _) => Err(Failure::Timeout {
                program,
                timeout,
                output: said,
            }),
            (true, false) => Err(Failure::Status {
                program,
                status,
                output: said,
            }),
            (true, true) => {
                if !said.trim_ascii().is_empty() {
                    info!(rule, "{} succeeded{}", program.display(), Said(&said));
                }
                Ok(())
            }
        }
    }

    fn spawn(self, output: OwnedFd) -> io::Result<Group> {
        let mut command = Command::new(self.program);
        command
            .args(self.arguments)
            .env_clear()
            .envs(
                ENVIRONMENT
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.variables)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        command.spawn().map(|child| Group(Some(child)))
    }
}

/// A program and its process group, killed on drop.
struct Group(Option<Child>);

impl Group {
    /// Waits for the program, and kills it and its group if that takes longer than `timeout`. Returns its status, and
    /// whether it exited in time.
    async fn until_end(
        &mut self,
        timeout: Duration,
        output: &mut pipe::Receiver,
        said: &mut Vec<u8>,
    ) -> io::Result<(ExitStatus, bool)> {
        let Some(pid) = self.pid() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        #[expect(
            unsafe_code,
            reason = "tokio can't tell whether the number stays the same"
        )]
        // SAFETY: an `OwnedFd` keeps its descriptor until it is dropped, and nothing replaces it in there.
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        let ended = async {
            tokio::select! {
                ended = pidfd.readable() => ended.map(|_| ()),
                // Keeps reading, so that the program does not block on a full pipe; never completes first.
                never = read(output, said) => never,
            }
        };
        let mut ended = std::pin::pin!(ended);
        let in_time = match time::timeout(timeout, &mut ended).await {
            Ok(ended) => {
                ended?;
                true
            }
            Err(_) => {
                self.signal(Signal::TERM);
                if let Ok(ended) = time::timeout(GRACE, &mut ended).await {
                    ended?;
                } else {
                    self.signal(Signal::KILL);
                    ended.await?;
                }
                false
            }
        };
        // Kill its remaining children while its PID cannot be reused, before it is reaped.
        self.signal(Signal::KILL);
        let Some(mut child) = self.0.take() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // It has exited, so this does not block.
        Ok((child.wait()?, in_time))
    }

    fn pid(&self) -> Option<Pid> {
        Some(Pid::from_child(self.0.as_ref()?))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // Fails if all of them have exited.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut child) = self.0.take() {
            // May block briefly, which the event loop must not.
            thread::spawn(move || child.wait());
        }
    }
}

/// Reads the program's output, forever.
async fn read(output: &mut pipe::Receiver, said: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; OUTPUT];
    loop {
        match output.read(&mut buffer).await {
            Ok(0) | Err(_) => return std::future::pending().await,
            Ok(length) => keep(said, &buffer[..length]),
        }
    }
}

/// Reads the remaining output.
fn drain(output: &pipe::Receiver, said: &mut Vec<u8>) {
    let mut buffer = [0; OUTPUT];
    while said.len() < OUTPUT {
        match output.try_read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => keep(said, &buffer[..length]),
        }
    }
}

fn keep(said: &mut Vec<u8>, more: &[u8]) {
    let room = OUTPUT.saturating_sub(said.len());
    said.extend_from_slice(&more[..more.len().min(room)]);
}
