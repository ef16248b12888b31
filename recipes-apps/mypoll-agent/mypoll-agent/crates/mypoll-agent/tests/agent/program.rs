// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program itself, started as on a board, with a FIFO in place of the device.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Output, Stdio},
};

use mypoll_testing::FakeDriver;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, Command},
    time,
};

use crate::harness::{Client, DEADLINE, json};

struct Agent {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    address: SocketAddr,
}

impl Agent {
    async fn start(driver: &FakeDriver) -> Self {
        Self::spawn(agent().arg("--config").arg(configure(driver, LISTEN, "")))
            .await
            .0
    }

    /// Starts it; the second half is what it logs before it listens.
    async fn spawn(command: &mut Command) -> (Self, Vec<String>) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = Vec::new();
        loop {
            let line = next(&mut log).await;
            if let Some((_, rest)) = line.split_once("listening on ") {
                let address = rest.split_once(',').unwrap().0.parse().unwrap();
                let agent = Self {
                    child,
                    log,
                    address,
                };
                return (agent, before);
            }
            before.push(line);
        }
    }

    async fn wait_for_log(&mut self, text: &str) -> String {
        loop {
            let line = next(&mut self.log).await;
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().unwrap().try_into().unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    async fn status(mut self) -> Option<i32> {
        time::timeout(DEADLINE, self.child.wait())
            .await
            .expect("it did not end")
            .unwrap()
            .code()
    }
}

async fn next(log: &mut Lines<BufReader<ChildStderr>>) -> String {
    time::timeout(DEADLINE, log.next_line())
        .await
        .expect("it logged nothing more")
        .unwrap()
        .expect("it ended")
}

fn agent() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mypoll-agent"));
    command.kill_on_drop(true).env_remove("MYPOLL_AGENT_LOG");
    command
}

/// A free port.
const LISTEN: &str = "127.0.0.1:0";

/// Writes a configuration for `driver`, with `more` at its end.
fn configure(driver: &FakeDriver, listen: &str, more: &str) -> PathBuf {
    let path = driver.sysfs().join("agent.toml");
    let text = format!(
        "tcp.listen = '{listen}'\ndevice.path = '{}'\ndevice.sysfs = '{}'\n{more}\n",
        driver.device().display(),
        driver.sysfs().display()
    );
    fs::write(&path, text).unwrap();
    path
}

/// Runs the program to its end.
async fn run(command: &mut Command) -> Output {
    time::timeout(DEADLINE, command.output())
        .await
        .expect("it did not end")
        .unwrap()
}

/// How it refuses to start with `more` in its configuration.
async fn refusal(driver: &FakeDriver, more: &str) -> String {
    let output = run(agent().arg("--config").arg(configure(driver, LISTEN, more))).await;
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

async fn ends_cleanly_on(signal: Signal) {
    let mut driver = FakeDriver::new();
    // Whoever runs the tests may ignore SIGHUP, and so would the agent.
    let (agent, _) = Agent::spawn(
        Command::new("env")
            .arg("--default-signal")
            .arg(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg("--config")
            .arg(configure(&driver, LISTEN, ""))
            .kill_on_drop(true),
    )
    .await;
    let mut client = Client::connect(agent.address).await;
    driver.press(1);
    assert_eq!(client.line().await, Some(json(1)));

    // When it goes on it finds the signal and these events at once, whichever it looks at first.
    agent.signal(Signal::SIGSTOP);
    for sequence in 2..=9 {
        driver.press(sequence);
    }
    agent.signal(signal);
    agent.signal(Signal::SIGCONT);

    assert_eq!(client.rest().await, (2..=9).map(json).collect::<Vec<_>>());
    drop(client);
    assert_eq!(agent.status().await, Some(0));
}

#[tokio::test]
async fn sigterm_drains() {
    ends_cleanly_on(Signal::SIGTERM).await;
}

#[tokio::test]
async fn sigint_drains() {
    ends_cleanly_on(Signal::SIGINT).await;
}

#[tokio::test]
async fn sighup_drains() {
    ends_cleanly_on(Signal::SIGHUP).await;
}

#[tokio::test]
async fn under_nohup_it_survives_sighup() {
    let mut driver = FakeDriver::new();
    let (agent, _) = Agent::spawn(
        Command::new("sh")
            .args(["-c", "trap '' HUP; exec \"$0\" --config \"$1\""])
            .arg(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg(configure(&driver, LISTEN, ""))
            .kill_on_drop(true),
    )
    .await;
    let mut client = Client::connect(agent.address).await;
    agent.signal(Signal::SIGHUP);
    driver.press(1);
    assert_eq!(client.line().await, Some(json(1)));
    drop(client);
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.status().await, Some(0));
}

#[tokio::test]
async fn a_second_sigint_changes_nothing() {
    let driver = FakeDriver::new();
    let mut agent = Agent::start(&driver).await;
    let client = Client::connect(agent.address).await;
    agent.wait_for_log("connected").await;
    agent.signal(Signal::SIGINT);
    agent.wait_for_log("SIGINT: ending").await;
    agent.signal(Signal::SIGINT);
    drop(client);
    agent.wait_for_log("ended").await;
    assert_eq!(agent.status().await, Some(0));
}

/// With a log that leads nowhere, as of `mypoll-agent 2>&1 | tee log` after Ctrl-C ended tee.
#[tokio::test]
async fn it_drains_without_a_log() {
    let mut driver = FakeDriver::new();
    let Agent {
        mut child,
        log,
        address,
    } = Agent::start(&driver).await;
    let mut client = Client::connect(address).await;
    driver.press(1);
    assert_eq!(client.line().await, Some(json(1)));

    drop(log);
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    driver.press(2);
    kill(pid, Signal::SIGINT).unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    assert_eq!(client.rest().await, [json(2)]);
    drop(client);
    let status = time::timeout(DEADLINE, child.wait()).await.unwrap();
    assert_eq!(status.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_full_disk_does_not_change_its_status() {
    let driver = FakeDriver::new();
    for (config, status) in [("", 0), ("tcp.queue = 0", 1)] {
        let full = || fs::File::options().write(true).open("/dev/full").unwrap();
        let mut check = agent()
            .arg("--check")
            .arg("--config")
            .arg(configure(&driver, LISTEN, config))
            .stdout(full())
            .stderr(full())
            .spawn()
            .unwrap();
        let ended = time::timeout(DEADLINE, check.wait()).await.unwrap();
        assert_eq!(ended.unwrap().code(), Some(status), "{config}");
    }
}

#[tokio::test]
async fn a_device_that_fails_ends_it_after_the_clients_got_everything() {
    let mut driver = FakeDriver::new();
    let mut agent = Agent::start(&driver).await;
    let mut client = Client::connect(agent.address).await;
    driver.press(1);
    driver.send("hello");
    assert_eq!(client.rest().await, [json(1)]);
    drop(client);
    let error = agent.wait_for_log("mypoll-agent: ").await;
    assert!(
        error.ends_with("/mypoll: cannot understand the line `hello`: `event=` is missing"),
        "{error}"
    );
    assert_eq!(agent.status().await, Some(1));
}

#[tokio::test]
async fn events_of_a_newer_driver_are_passed_over_and_warned_of_once() {
    let mut driver = FakeDriver::new();
    let mut agent = Agent::start(&driver).await;
    let mut client = Client::connect(agent.address).await;
    let rest = "line=1 value=1 lost=0 timestamp_ns=1";
    for sequence in 0..3 {
        driver.send(&format!("event=1 source=gpio kind=bounced {rest}"));
        driver.send(&format!("event=2 source=radio kind=rising {rest}"));
        driver.press(sequence);
        assert_eq!(client.line().await, Some(json(sequence)));
    }

    // Also those that it meets at its end.
    agent.signal(Signal::SIGSTOP);
    driver.send(&format!("event=1 source=gpio kind=bounced {rest}"));
    driver.press(3);
    agent.signal(Signal::SIGTERM);
    agent.signal(Signal::SIGCONT);
    assert_eq!(client.rest().await, [json(3)]);
    drop(client);

    let mut warnings = Vec::new();
    while let Some(line) = agent.log.next_line().await.unwrap() {
        if let Some((_, warning)) = line.split_once(" WARN ") {
            warnings.push(warning.to_owned());
        }
    }
    assert_eq!(
        warnings,
        [
            format!(
                "passed over `event=1 source=gpio kind=bounced {rest}` and the like: \
                 kind `bounced` is none of trigger, tick, rising, falling, removed, added"
            ),
            format!(
                "passed over `event=2 source=radio kind=rising {rest}` and the like: \
                 source `radio` is none of manual, timer, gpio"
            ),
        ]
    );
    assert_eq!(agent.status().await, Some(0));
}

#[tokio::test]
async fn it_survives_a_lack_of_descriptors() {
    let mut driver = FakeDriver::new();
    let config = configure(&driver, LISTEN, "");
    let (mut agent, _) = Agent::spawn(
        Command::new("sh")
            .args(["-c", "ulimit -n 24; exec \"$0\" --config \"$1\""])
            .arg(env!("CARGO_BIN_EXE_mypoll-agent"))
            .arg(config)
            .kill_on_drop(true),
    )
    .await;
    let mut first = Client::connect(agent.address).await;
    let mut waiting = Vec::new();
    for _ in 0..24 {
        waiting.push(Client::connect(agent.address).await);
    }
    agent.wait_for_log("cannot accept connections").await;
    driver.press(1);
    assert_eq!(first.line().await, Some(json(1)));

    drop(first);
    agent.wait_for_log("accepting connections again").await;
    assert_eq!(waiting[0].line().await, Some(json(1)));
    driver.press(2);
    assert_eq!(waiting[0].line().await, Some(json(2)));
}

#[tokio::test]
async fn clients_that_are_refused_again_and_again_do_not_fill_the_log() {
    let mut driver = FakeDriver::new();
    let config = configure(&driver, LISTEN, "tcp.max-clients = 1");
    let (mut agent, _) = Agent::spawn(agent().arg("--config").arg(config)).await;
    let mut logged = Vec::new();
    for round in 0..2 {
        let mut served = Client::connect(agent.address).await;
        for _ in 0..5 {
            assert_eq!(Client::connect(agent.address).await.rest().await.len(), 1);
        }
        driver.press(round);
        assert_eq!(served.line().await, Some(json(round)));
        drop(served);
        loop {
            let line = next(&mut agent.log).await;
            let (_, message) = line.split_once('Z').unwrap();
            let message = message.split(" peer=").next().unwrap().trim();
            logged.push(message.to_owned());
            if message == "INFO left" {
                break;
            }
        }
    }
    assert_eq!(
        logged,
        [
            "INFO connected",
            "WARN refused: 1 clients are connected (tcp.max-clients)",
            "INFO left",
            "INFO there is room for clients again",
            "INFO connected",
            "WARN refused: 1 clients are connected (tcp.max-clients)",
            "INFO left",
        ]
    );
}

#[tokio::test]
async fn an_address_of_the_network_is_warned_of() {
    let driver = FakeDriver::new();
    for (listen, warned) in [(LISTEN, false), ("0.0.0.0:0", true)] {
        let config = configure(&driver, listen, "");
        let (_agent, before) = Agent::spawn(agent().arg("--config").arg(config)).await;
        assert_eq!(
            before.iter().any(|line| line.contains(" WARN ")
                && line.contains("reachable from the network, without encryption")),
            warned,
            "{listen}: {before:?}"
        );
    }
}

/// Addresses of RFC 5737 and RFC 3849, which are for documentation and no machine's.
#[tokio::test]
async fn an_address_that_is_not_there_yet_is_waited_for() {
    let driver = FakeDriver::new();
    for (any, listen) in [("0.0.0.0:0", "192.0.2.7:0"), ("[::]:0", "[2001:db8::7]:0")] {
        if let Err(error) = TcpListener::bind(any).await {
            eprintln!("{listen} can't be tried on this machine: {error}");
            continue;
        }
        let config = configure(&driver, listen, "");
        let (agent, before) = Agent::spawn(agent().arg("--config").arg(config)).await;
        assert_eq!(
            agent.address.ip(),
            listen.parse::<SocketAddr>().unwrap().ip()
        );
        assert!(
            before.iter().any(|line| line.contains(" WARN ")
                && line.contains("is no address of this machine (yet); clients get in once it is")),
            "{listen}: {before:?}"
        );
    }
}

#[tokio::test]
async fn what_it_logs_can_be_chosen() {
    let driver = FakeDriver::new();
    let config = configure(&driver, LISTEN, "log.level = 'error'");
    // The variable goes before the file, which would silence the line that this waits for.
    Agent::spawn(
        agent()
            .arg("--config")
            .arg(&config)
            .env("MYPOLL_AGENT_LOG", "info"),
    )
    .await;

    // An empty one counts as none.
    let config = configure(&driver, LISTEN, "log.level = 'info'");
    Agent::spawn(
        agent()
            .arg("--config")
            .arg(&config)
            .env("MYPOLL_AGENT_LOG", ""),
    )
    .await;

    for wrong in ["loud", "3"] {
        let output = run(agent()
            .arg("--config")
            .arg(&config)
            .env("MYPOLL_AGENT_LOG", wrong))
        .await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!(
                "mypoll-agent: MYPOLL_AGENT_LOG={wrong}: \
                 expected off, error, warn, info, debug or trace\n"
            )
        );
    }
}

#[tokio::test]
async fn the_configuration_can_be_checked_alone() {
    let driver = FakeDriver::new();
    // Nothing is opened: the device does not exist.
    let path = configure(&driver, LISTEN, "");
    fs::remove_file(driver.device()).unwrap();
    let output = run(agent().arg("--check").arg("--config").arg(&path)).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "the configuration is valid\n"
    );

    fs::write(&path, "[tcp]\nmax-clients = 0\n").unwrap();
    let output = run(agent().arg("--check").arg("--config").arg(&path)).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "mypoll-agent: {}:2: tcp.max-clients: invalid value: integer `0`, \
             expected a whole number from 1 to 1000\n",
            path.display()
        )
    );

    fs::remove_file(&path).unwrap();
    let output = run(agent().arg("--config").arg(&path)).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "mypoll-agent: cannot read the configuration {}: No such file or directory (os error 2)\n",
            path.display()
        )
    );
}

#[tokio::test]
async fn it_says_what_it_can_not_open() {
    let driver = FakeDriver::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let path = configure(&driver, &address.to_string(), "");
    let output = run(agent().arg("--config").arg(&path)).await;
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "mypoll-agent: cannot listen on {address} (tcp.listen): Address already in use (os error 98)\n"
        )
    );

    fs::remove_file(driver.device()).unwrap();
    assert_eq!(
        refusal(&driver, "").await,
        format!(
            "mypoll-agent: {} does not exist; is the module loaded (modprobe mypoll)?\n",
            driver.device().display()
        )
    );
    fs::remove_file(driver.sysfs().join("lines")).unwrap();
    assert!(
        refusal(&driver, "")
            .await
            .contains("/lines; is the module loaded")
    );
}

#[tokio::test]
async fn an_output_that_it_can_not_have_keeps_no_event_back() {
    let mut driver = FakeDriver::new();
    for (sequence, (chip, expected)) in [
        (
            "/dev/no-such-chip",
            "cannot open the chip /dev/no-such-chip: No such file or directory (os error 2); tried again every 5s",
        ),
        (
            "/dev/null",
            "cannot open the chip /dev/null: Ioctl to get chip info failed: ",
        ),
        (
            "no such label",
            "no GPIO chip is labelled `no such label`; there are: ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let output = format!("[[output]]\nchip = '{chip}'\nline = 7\nfollow.line = 0");
        let config = configure(&driver, LISTEN, &output);
        let (agent, before) = Agent::spawn(agent().arg("--config").arg(config)).await;
        assert!(
            before
                .iter()
                .any(|line| line.contains(&format!("ERROR {expected}"))
                    && line.ends_with(&format!("output=\"{chip} line 7\""))),
            "{chip}: {before:?}"
        );

        let sequence = sequence as u32;
        let mut client = Client::connect(agent.address).await;
        driver.press(sequence);
        assert_eq!(client.line().await, Some(json(sequence)));
        drop(client);
        agent.signal(Signal::SIGTERM);
        assert_eq!(agent.status().await, Some(0));
    }
}

#[tokio::test]
async fn a_rule_on_a_line_that_the_driver_lacks_ends_the_start() {
    let driver = FakeDriver::new();
    assert_eq!(
        refusal(
            &driver,
            "[[output]]\nchip = 'leds'\nline = 0\nfollow.label = 'window'"
        )
        .await,
        "mypoll-agent: output[0]: the driver has no line `window`; it has: 0 `button`, 1 `door`\n"
    );
}
