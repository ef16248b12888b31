// SPDX-License-Identifier: MIT OR Apache-2.0
//! mosquitto.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::common::DEADLINE;

/// A broker for one test, with its state in a temporary folder.
pub struct Broker {
    directory: TempDir,
    pub port: u16,
    child: Option<Child>,
}

/// Its path: Debian installs it in a folder that is not in every PATH.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.exists())
        .expect("these tests need mosquitto: apt-get install mosquitto")
}

impl Broker {
    /// Starts one that accepts everybody.
    pub fn start() -> Self {
        Self::with("allow_anonymous true\n", |_| {})
    }

    /// Starts one with these settings, after `prepare` has created files in its folder, `DIRECTORY` in the settings.
    pub fn with(settings: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let port = free_port();
        let folder = directory.path().display().to_string();
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let settings = settings.replace("DIRECTORY", &folder);
        // Do not limit the queue of a disconnected subscriber.
        let text = format!(
            "user {user}\nlistener {port} 127.0.0.1\npersistence true\npersistence_location {folder}/\n\
             max_queued_messages 0\nmax_packet_size 65536\n{settings}"
        );
        fs::write(directory.path().join("mosquitto.conf"), text).unwrap();
        let mut broker = Self {
            directory,
            port,
            child: None,
        };
        broker.again();
        broker
    }

    /// Starts it, and waits until it listens.
    pub fn again(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let mut child = Command::new(program())
            .arg("-v")
            .arg("-c")
            .arg(self.directory.path().join("mosquitto.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + DEADLINE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "mosquitto ended: {}", self.log());
            assert!(Instant::now() < end, "mosquitto does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Kills it, and deletes its state on disk.
    pub fn lose_everything(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.take().unwrap().wait().unwrap();
        let _ = fs::remove_file(self.directory.path().join("mosquitto.db"));
    }

    pub fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Its folder.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(40)..];
            eprintln!("the log of mosquitto: {tail:#?}");
        }
    }
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
