// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs commands in the guest. `serve-lab` there (scripts/lab/rootfs/usr/bin) takes one request at a time over a virtio port,
//! a line of shell, and answers with the exit status; the command's standard streams go over ports of their own.
//!
//! A port has no end of file, so each request names a marker, random and new, that ends what the command put out.

mod quote;
mod relay;

use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use quote::quote;
use relay::relay;

/// What can go wrong with a guest.
#[derive(Debug, Error)]
pub enum GuestError {
    /// QEMU ended, as the kernel panicked or the guest powered off, or an earlier command was [`Silent`](Self::Silent).
    #[error("it went down, or hung before")]
    Gone,
    /// It did not become ready, or the command did not end, in time.
    #[error("it said nothing for too long")]
    Silent,
    /// It answered with something else than an exit status.
    #[error("it answered {0:?}")]
    Garbled(String),
    /// The command's output can't be passed on.
    #[error("can't pass the command's output on")]
    Output(#[source] io::Error),
}

/// This side's ends of the virtio ports.
#[derive(Debug)]
pub struct Ports {
    control: UnixStream,
    stdin: UnixStream,
    stdout: UnixStream,
    stderr: UnixStream,
    terminal: UnixStream,
}

impl Ports {
    /// QEMU's devices, in the order of the ends that [`new`](Self::new) gives.
    pub const DEVICES: [&str; 5] = [
        "virtserialport,name=lab.control",
        "virtserialport,name=lab.stdin",
        "virtserialport,name=lab.stdout",
        "virtserialport,name=lab.stderr",
        "virtconsole",
    ];

    /// Makes both ends: ours and QEMU's.
    pub fn new() -> io::Result<(Self, [UnixStream; 5])> {
        let (control, a) = UnixStream::pair()?;
        let (stdin, b) = UnixStream::pair()?;
        let (stdout, c) = UnixStream::pair()?;
        let (stderr, d) = UnixStream::pair()?;
        let (terminal, e) = UnixStream::pair()?;
        let ours = Self {
            control,
            stdin,
            stdout,
            stderr,
            terminal,
        };
        Ok((ours, [a, b, c, d, e]))
    }
}

/// A terminal for a command.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// The value of TERM.
    pub name: String,
    /// Height in characters.
    pub rows: u16,
    /// Width in characters.
    pub columns: u16,
}

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + N after signal N.
    pub status: u8,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// A guest that is ready for commands. They run one after the other.
#[derive(Debug)]
pub struct Guest {
    ports: Ports,
    answers: Mutex<BufReader<UnixStream>>,
}

impl Guest {
    /// Waits until the guest is ready, for `deadline` at most.
    pub(crate) fn ready(ports: Ports, deadline: Duration) -> Result<Self, GuestError> {
        let control = ports.control.try_clone().map_err(|_| GuestError::Gone)?;
        let mut answers = BufReader::new(control);
        let started = Instant::now();
        let mut line = String::new();
        while !line.ends_with('\n') {
            let left = deadline
                .checked_sub(started.elapsed())
                .filter(|left| !left.is_zero())
                .ok_or(GuestError::Silent)?;
            let timeout = answers.get_ref().set_read_timeout(Some(left));
            match timeout.and_then(|()| answers.read_line(&mut line)) {
                Ok(0) => return Err(GuestError::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(GuestError::Gone),
            }
        }
        if line != "ready\n" {
            return Err(GuestError::Garbled(line));
        }
        answers
            .get_ref()
            .set_read_timeout(None)
            .map_err(|_| GuestError::Gone)?;
        Ok(Self {
            ports,
            answers: Mutex::new(answers),
        })
    }

    /// From now on a command that puts nothing out for `deadline`, on either stream, is an error. Default: it may take
    /// as long as it likes. The guest is of no use after such an error: each later command fails at once.
    pub fn give_up_after(&self, deadline: Duration) -> io::Result<()> {
        for port in [&self.ports.stdout, &self.ports.stderr, &self.ports.control] {
            port.set_read_timeout(Some(deadline))?;
        }
        Ok(())
    }

    /// Runs a command with nothing on its standard input, and collects its output.
    pub fn output<S: AsRef<OsStr>>(
        &self,
        command: impl IntoIterator<Item = S>,
    ) -> Result<Output, GuestError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.run(command, None, &mut stdout, &mut stderr)?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Runs a command, passes its output on as it comes, and returns its exit status.
    ///
    /// `stdin` is read to its end on a thread that outlives the command. A guest has one for its whole life.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        command: impl IntoIterator<Item = S>,
        stdin: Option<Box<dyn Read + Send>>,
        stdout: &mut (dyn Write + Send),
        stderr: &mut (dyn Write + Send),
    ) -> Result<u8, GuestError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let marker = marker();
        let source = if stdin.is_some() { "port" } else { "/dev/null" };
        self.request(&format!("on_pipes {marker} {source}"), command)?;
        if let Some(stdin) = stdin {
            self.feed(stdin, &self.ports.stdin)?;
        }
        let marker = marker.as_bytes();
        let passed_on = thread::scope(|scope| {
            let out = scope.spawn(|| self.pass_on(&self.ports.stdout, stdout, marker));
            let err = self.pass_on(&self.ports.stderr, stderr, marker);
            out.join().expect("relaying does not panic")?;
            err
        });
        let status = passed_on.and_then(|()| status(&mut answers));
        if matches!(status, Err(GuestError::Silent)) {
            let _ = self.ports.control.shutdown(Shutdown::Both);
        }
        status
    }

    /// Runs a command on a terminal of its own, whose keys come from `keys` and which is shown on `screen`.
    pub fn run_on_terminal<S: AsRef<OsStr>>(
        &self,
        command: impl IntoIterator<Item = S>,
        terminal: &Terminal,
        keys: Box<dyn Read + Send>,
        screen: &mut dyn Write,
    ) -> Result<u8, GuestError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let marker = marker();
        let Terminal {
            name,
            rows,
            columns,
        } = terminal;
        let name = quote(name.as_ref());
        self.request(
            &format!("on_terminal {marker} {name} {rows} {columns}"),
            command,
        )?;
        self.feed(keys, &self.ports.terminal)?;
        self.pass_on(&self.ports.terminal, screen, marker.as_bytes())?;
        status(&mut answers)
    }

    fn request<S: AsRef<OsStr>>(
        &self,
        how: &str,
        command: impl IntoIterator<Item = S>,
    ) -> Result<(), GuestError> {
        let mut line = how.to_owned();
        for word in command {
            line.push(' ');
            line.push_str(&quote(word.as_ref()));
        }
        line.push('\n');
        (&self.ports.control)
            .write_all(line.as_bytes())
            .map_err(|_| GuestError::Gone)
    }

    fn feed(&self, mut from: Box<dyn Read + Send>, to: &UnixStream) -> Result<(), GuestError> {
        let mut to = to.try_clone().map_err(|_| GuestError::Gone)?;
        thread::spawn(move || {
            // A command need not read its input to the end.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        Ok(())
    }

    /// Relays one stream; when its output can't be written, the others are not waited for.
    fn pass_on(
        &self,
        from: &UnixStream,
        to: &mut dyn Write,
        marker: &[u8],
    ) -> Result<(), GuestError> {
        let result = relay(from, to, marker);
        if matches!(result, Err(GuestError::Output(_))) {
            for port in [&self.ports.stdout, &self.ports.stderr] {
                let _ = port.shutdown(Shutdown::Both);
            }
        }
        result
    }
}

fn status(answers: &mut BufReader<UnixStream>) -> Result<u8, GuestError> {
    let mut line = String::new();
    match answers.read_line(&mut line) {
        Ok(n) if n > 0 => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(GuestError::Silent),
        _ => return Err(GuestError::Gone),
    }
    line.trim_end()
        .parse()
        .map_err(|_| GuestError::Garbled(line.clone()))
}

/// 128 random bits: no command puts them out by chance.
fn marker() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests;
