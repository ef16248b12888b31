// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/demo` with and without a terminal, and the shell of `./scripts/run` on a terminal.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;
use system_tests::{TIMEOUT, script};
use vt100::Parser;

/// A program on its own terminal, and the terminal's contents.
struct Terminal {
    program: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    parser: Arc<Mutex<Parser>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(name: &str) -> Self {
        let size = PtySize {
            rows: 40,
            cols: 120,
            ..PtySize::default()
        };
        let pty = native_pty_system().openpty(size).unwrap();
        let script = script(name);
        let mut command = CommandBuilder::new(script.get_program());
        command.args(script.get_args());
        command.env("TERM", "xterm");
        let program = pty.slave.spawn_command(command).unwrap();
        let mut output = pty.master.try_clone_reader().unwrap();
        let parser = Arc::new(Mutex::new(Parser::new(size.rows, size.cols, 0)));
        let shared = parser.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shared.lock().unwrap().process(&buffer[..count]);
            }
        });
        Self {
            program,
            keys: pty.master.take_writer().unwrap(),
            parser,
            _master: pty.master,
        }
    }

    fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types `keys`, repeatedly every 5 s, until the screen shows all `words`.
    fn wait_for(&mut self, keys: &str, words: &[&str]) {
        let deadline = Instant::now() + TIMEOUT * 4;
        let mut next_attempt = Instant::now();
        loop {
            let screen = self.screen();
            if words.iter().all(|word| screen.contains(word)) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{words:?} is missing in:\n{screen}"
            );
            if Instant::now() >= next_attempt {
                self.type_keys(keys);
                next_attempt += Duration::from_secs(5);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn status(mut self) -> u32 {
        self.program.wait().unwrap().exit_code()
    }
}

#[test]
fn a_demo_without_a_terminal_prints_three_presses() {
    let output = script("demo").stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let edges: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["source"] == "gpio")
        .map(|event| (event["label"].to_string(), event["kind"].to_string()))
        .filter(|(_, kind)| kind != "\"level\"")
        .collect();
    let press =
        |label: &str| ["rising", "falling"].map(|kind| (format!("{label:?}"), format!("{kind:?}")));
    let expected = ["button", "door", "button"].map(press).concat();
    assert_eq!(edges, expected, "{stderr}");
    assert!(stderr.contains("live page"), "{stderr}");
}

#[test]
fn a_demo_on_a_terminal_shows_presses_and_triggers() {
    let mut terminal = Terminal::start("demo");
    terminal.wait_for("", &["live page: http://", "mypoll on Linux"]);
    terminal.wait_for("1", &["button", "rising", "falling"]);
    terminal.wait_for("t", &["trigger"]);
    terminal.type_keys("q");
    assert_eq!(terminal.status(), 0);
}

#[test]
fn a_shell_on_a_terminal_ends_with_its_status() {
    let mut terminal = Terminal::start("run");
    terminal.wait_for(
        "echo $((6 * 7)) $(test -t 0 && echo terminal)\n",
        &["42 terminal"],
    );
    terminal.type_keys("exit 3\n");
    assert_eq!(terminal.status(), 3);
}
