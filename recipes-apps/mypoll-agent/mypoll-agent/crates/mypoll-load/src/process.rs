// SPDX-License-Identifier: MIT OR Apache-2.0
//! The measured program.

use std::{
    ffi::OsStr,
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::{SysconfVar, sysconf},
};

/// Time limit for the program to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server, killed on drop.
pub struct Server(Child);

impl Server {
    /// Starts it, and waits until something listens on `port`.
    pub fn start<I: AsRef<OsStr>>(program: &Path, arguments: &[I], port: u16) -> Result<Self> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.0.try_wait()? {
                bail!("{} ended: {status}", program.display());
            }
            if started.elapsed() > PATIENCE {
                bail!("{} does not listen on port {port}", program.display());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Its processor time so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        // proc_pid_stat(5): utime and stime are the 14th and 15th field; the second, in parentheses, may contain blanks.
        let stat = self.proc("stat")?;
        let fields = stat.rsplit_once(')').context("no parenthesis")?.1;
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .flat_map(str::parse)
            .collect();
        let per_second = sysconf(SysconfVar::CLK_TCK)?.context("no clock tick")?;
        Ok(Duration::from_secs_f64(
            ticks.iter().sum::<u64>() as f64 / per_second as f64,
        ))
    }

    /// Its maximum resident memory, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(size.context("no VmHWM")?.parse()?)
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0.id());
        fs::read_to_string(&path).context(path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// Raises the descriptor limit of this process and its children for this many clients.
pub fn allow_descriptors(clients: u32) -> Result<()> {
    let wanted = u64::from(clients) * 2 + 100;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard)?;
    }
    Ok(())
}
