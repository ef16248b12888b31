// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs commands in the guest. `serve-lab` there (scripts/lab/rootfs/usr/bin) reads one request at a time from a virtio
//! port, a line of shell, and answers with the exit status. The command's standard streams have separate ports.
//!
//! A port has no end of file, so each request contains a new random marker that ends the command's output.

mod quote;
mod relay;

use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use thiserror::Error;

use quote::quote;

/// Errors of running commands in the guest.
#[derive(Debug, Error)]
pub enum GuestError {
    /// QEMU ended since the kernel panicked or the guest powered off, or an earlier command had a
    /// [`Timeout`](Self::Timeout).
    #[error("it went down or has hung before")]
    Gone,
    /// It did not become ready in time, or a command had no output for too long.
    #[error("it printed nothing for too long")]
    Timeout,
    /// Its answer was not an exit status.
    #[error("it sent an invalid answer: {0:?}")]
    Garbled(String),
    /// Writing the command's output failed.
    #[error("can't write the command's output")]
    Output(#[source] io::Error),
}

/// The host's ends of the virtio ports.
#[derive(Debug)]
pub struct Ports {
    control: UnixStream,
    stdin: UnixStream,
    stdout: UnixStream,
    stderr: UnixStream,
    terminal: UnixStream,
}

impl Ports {
    /// QEMU's devices, in the order of the ends returned by [`new`](Self::new).
    pub const DEVICES: [&str; 5] = [
        "virtserialport,name=lab.control",
        "virtserialport,name=lab.stdin",
        "virtserialport,name=lab.stdout",
        "virtserialport,name=lab.stderr",
        "virtconsole",
    ];

    /// Creates both ends: ours and QEMU's.
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

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + N after signal N.
    pub status: u8,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A guest that is ready for commands. It runs one at a time.
#[derive(Debug)]
pub struct Guest {
    ports: Ports,
    answers: Mutex<BufReader<UnixStream>>,
}

impl Guest {
    /// Waits up to `timeout` until the guest is ready.
    pub(crate) fn ready(ports: Ports, timeout: Duration) -> Result<Self, GuestError> {
        let gone = |_| GuestError::Gone;
        let control = &ports.control;
        control.set_read_timeout(Some(timeout)).map_err(gone)?;
        let mut answers = BufReader::new(control.try_clone().map_err(gone)?);
        let greeting = answer(&mut answers)?;
        if greeting != "ready\n" {
            return Err(GuestError::Garbled(greeting));
        }
        control.set_read_timeout(None).map_err(gone)?;
        Ok(Self {
            ports,
            answers: Mutex::new(answers),
        })
    }

    /// Sets the time without output, on either stream, after which a command fails. Default: no limit. After such an
    /// error the guest is unusable: each later command fails immediately.
    pub fn give_up_after(&self, timeout: Duration) -> io::Result<()> {
        for port in [&self.ports.stdout, &self.ports.stderr, &self.ports.control] {
            port.set_read_timeout(Some(timeout))?;
        }
        Ok(())
    }

    /// Runs a command with empty standard input and collects its output.
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

    /// Runs a command, passes on its output as it arrives, and returns its exit status.
    ///
    /// A thread, which outlives the command, reads `stdin` to its end. Only one command of a guest can have an input.
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
        let relayed = thread::scope(|scope| {
            let out = scope.spawn(|| self.relay(&self.ports.stdout, stdout, marker));
            let err = self.relay(&self.ports.stderr, stderr, marker);
            out.join().expect("relaying does not panic")?;
            err
        });
        let status = relayed.and_then(|()| status(&mut answers));
        if matches!(status, Err(GuestError::Timeout)) {
            let _ = self.ports.control.shutdown(Shutdown::Both);
        }
        status
    }

    /// Runs a command on its own terminal, with input from `keys` and output to `screen`. `name` is the value of TERM.
    pub fn run_on_terminal<S: AsRef<OsStr>>(
        &self,
        command: impl IntoIterator<Item = S>,
        name: &str,
        (rows, columns): (u16, u16),
        keys: Box<dyn Read + Send>,
        screen: &mut dyn Write,
    ) -> Result<u8, GuestError> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let marker = marker();
        let name = quote(name.as_ref());
        self.request(
            &format!("on_terminal {marker} {name} {rows} {columns}"),
            command,
        )?;
        self.feed(keys, &self.ports.terminal)?;
        self.relay(&self.ports.terminal, screen, marker.as_bytes())?;
        status(&mut answers)
    }

    fn request<S: AsRef<OsStr>>(
        &self,
        mode: &str,
        command: impl IntoIterator<Item = S>,
    ) -> Result<(), GuestError> {
        let mut line = mode.to_owned();
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
            // Fails if the command does not read its input to the end.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        Ok(())
    }

    /// Relays one stream. If its output can't be written, also ends the relaying of the other.
    fn relay(
        &self,
        from: &UnixStream,
        to: &mut dyn Write,
        marker: &[u8],
    ) -> Result<(), GuestError> {
        let result = relay::relay(from, to, marker);
        if matches!(result, Err(GuestError::Output(_))) {
            for port in [&self.ports.stdout, &self.ports.stderr] {
                let _ = port.shutdown(Shutdown::Both);
            }
        }
        result
    }
}

fn status(answers: &mut BufReader<UnixStream>) -> Result<u8, GuestError> {
    let line = answer(answers)?;
    let status = line.trim_end().parse();
    status.map_err(|_| GuestError::Garbled(line))
}

fn answer(answers: &mut BufReader<UnixStream>) -> Result<String, GuestError> {
    let mut line = String::new();
    match answers.read_line(&mut line) {
        Ok(1..) => Ok(line),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(GuestError::Timeout),
        _ => Err(GuestError::Gone),
    }
}

/// 128 random bits: no command prints them by chance.
fn marker() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests;
