// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program itself, started as on a board, with a FIFO in place of the device.
#![allow(dead_code, reason = "no test uses all of it")]

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};
use serde_json::Value;
use tempfile::TempDir;

/// Ends a test that hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A running agent, killed on drop.
pub struct Agent {
    directory: TempDir,
    fifo: File,
    child: Child,
    log: Receiver<String>,
    /// The address of the first `[[stream]]`, if there is one.
    address: Option<SocketAddr>,
}

impl Agent {
    /// Starts it with this configuration. Adds a source with the lines `button` and `door` and, if there is no key
    /// `stream`, a stream on a free port. `DIRECTORY` stands for [`directory`](Self::directory).
    pub fn start(configuration: &str) -> Self {
        Self::start_with(configuration, |_| {})
    }

    /// Like [`start`](Self::start), after `prepare` has changed the command.
    pub fn start_with(configuration: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("events");
        mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        // Also open for reading, so that opening doesn't wait for a reader.
        let fifo = File::options().read(true).write(true).open(fifo).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"));
        prepare(&mut command);
        configure(directory.path(), configuration);
        let (child, log) = spawn(&mut command, directory.path());
        let mut agent = Self {
            directory,
            fifo,
            child,
            log,
            address: None,
        };
        agent.wait_until_ready(configuration);
        agent
    }

    /// Kills it, and restarts it with another configuration.
    pub fn kill_and_restart(&mut self, configuration: &str) {
        self.kill_and_restart_with(configuration, |_| {});
    }

    /// Like [`kill_and_restart`](Self::kill_and_restart), after `prepare` has changed the command.
    pub fn kill_and_restart_with(
        &mut self,
        configuration: &str,
        prepare: impl FnOnce(&mut Command),
    ) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        configure(self.directory.path(), configuration);
        let mut command = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"));
        prepare(&mut command);
        (self.child, self.log) = spawn(&mut command, self.directory.path());
        self.wait_until_ready(configuration);
    }

    /// Writes another configuration; SIGHUP makes the agent read it.
    pub fn configure(&self, configuration: &str) {
        configure(self.directory.path(), configuration);
    }

    fn wait_until_ready(&mut self, configuration: &str) {
        self.address = None;
        if !configuration.contains("stream = []") {
            let line = self.wait_for_log("listening on ");
            self.address = line.rsplit(' ').next().unwrap().parse().ok();
        }
    }

    /// Its temporary folder, which contains the configuration `agent.toml`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The address of the first `[[stream]]`.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("no stream by TCP is configured")
    }

    /// The process.
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Produces events, by lines of text for the source `simulated`.
    pub fn events(&mut self, lines: &str) {
        self.fifo
            .write_all(format!("{}\n", lines.trim_end()).as_bytes())
            .unwrap();
    }

    /// A client that sends nothing. It gets events from when a later client has received its hello.
    pub fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address()).unwrap())
    }

    /// A client that has sent a request, and the hello that answers it.
    pub fn request(&self, request: &str) -> (Client, Value) {
        let mut client = self.connect();
        client.send(request);
        let hello = client.json()["hello"].take();
        assert!(hello.is_object(), "{hello}");
        (client, hello)
    }

    /// The next line of the log that contains `text`.
    pub fn wait_for_log(&mut self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut before = Vec::new();
        loop {
            match self
                .log
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in the log: {before:#?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait();
                    panic!("it ended ({status:?}) without {text:?} in the log: {before:#?}")
                }
            }
        }
    }

    /// The lines of the log that were not read yet.
    pub fn rest_of_log(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Waits until it has ended.
    pub fn status(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it did not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!(
                "the log of the agent: {:#?}",
                self.log.iter().collect::<Vec<_>>()
            );
        }
    }
}

/// Writes the configuration.
fn configure(directory: &Path, configuration: &str) -> PathBuf {
    let stream = if configuration.contains("stream = []") || configuration.contains("[[stream]]") {
        ""
    } else {
        "[[stream]]\nlisten = '127.0.0.1:0'\n"
    };
    let text = format!(
        "{}\n{stream}[simulated]\npath = '{}'\nlabels = ['button', 'door']\n",
        configuration.replace("DIRECTORY", &directory.display().to_string()),
        directory.join("events").display(),
    );
    let path = directory.join("agent.toml");
    fs::write(&path, text).unwrap();
    path
}

fn spawn(command: &mut Command, directory: &Path) -> (Child, Receiver<String>) {
    let mut child = command
        .arg("--config")
        .arg(directory.join("agent.toml"))
        .env_remove("MYPOLL_AGENT_LOG")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    // Keeps reading, so that the log never blocks.
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    (child, receiver)
}

/// A client of a stream.
pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) {
        self.try_send(line).unwrap();
    }

    /// The same to an agent that may be gone.
    pub fn try_send(&mut self, line: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())
    }

    /// Closes the sending side.
    pub fn half_close(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// The next line, without its end; `None` at the end of the stream.
    pub fn line(&mut self) -> Option<String> {
        self.try_line().expect("no line arrived")
    }

    /// Like [`line`](Self::line), for a connection that may fail, and then in the middle of a line.
    pub fn try_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let whole = line
            .strip_suffix('\n')
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Some(whole.to_owned()))
    }

    /// The next line, which must exist.
    pub fn json(&mut self) -> Value {
        let line = self.line().expect("the stream ended");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The number of the next event, which must be the next line.
    pub fn event(&mut self) -> u64 {
        let line = self.json();
        line["event"]
            .as_u64()
            .unwrap_or_else(|| panic!("no event: {line}"))
    }

    /// All lines until the agent closes.
    pub fn rest(&mut self) -> Vec<String> {
        let mut text = String::new();
        self.0
            .read_to_string(&mut text)
            .expect("the stream did not end");
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "a cut line: {text}"
        );
        text.lines().map(str::to_owned).collect()
    }
}
