// SPDX-License-Identifier: MIT OR Apache-2.0
//! Orders through a broker on the host: mosquitto_pub switches an output in the guest.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab::deps::host::find_tool;
use system_tests::{Agent, Shared, TIMEOUT, boot, lock, sh, shell};
use tempfile::TempDir;

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent_mqtt", true)));

/// The guest's address of the host: QEMU's user network forwards connections to the host's loopback.
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// The topic of the output's state; orders use a topic below it.
const LAMP: &str = "mypoll/board/output/lamp";

/// Polling interval.
const PAUSE: Duration = Duration::from_millis(100);

/// mosquitto on the host, also for its guests. It stores nothing on disk.
struct Broker {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} {}\nallow_anonymous true\n",
            Ipv4Addr::LOCALHOST
        );
        fs::write(&configuration, text).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = Command::new(find_tool("mosquitto").expect("mosquitto is not installed"))
            .arg("-v")
            .arg("-c")
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut broker = Self {
            folder,
            port,
            process,
        };
        let deadline = Instant::now() + TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let status = broker.process.try_wait().unwrap();
            assert!(status.is_none(), "mosquitto ended: {status:?}");
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            thread::sleep(PAUSE);
        }
        broker
    }

    /// One of mosquitto's clients, connected to this broker.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["-h", "127.0.0.1", "-q", "1", "-p"])
            .arg(self.port.to_string())
            .stdin(Stdio::null());
        command
    }

    /// Publishes an order for the output. Returns when the broker has received it.
    fn order(&self, payload: &str) {
        let output = self
            .client("mosquitto_pub")
            .args(["-t", &format!("{LAMP}/set"), "-m", payload])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }

    /// Waits until the output's topic retains this state.
    fn wait_for_state(&self, state: &str) -> Result<(), String> {
        let expected = format!("retained=1 {state}\n");
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let actual = self.state()?;
            if actual == expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("got {actual:?}, expected {expected:?}"));
            }
            thread::sleep(PAUSE);
        }
    }

    /// The first message that a new subscriber of the output's topic receives. Waits if nothing is retained.
    fn state(&self) -> Result<String, String> {
        let limit = TIMEOUT.as_secs().to_string();
        let output = self
            .client("mosquitto_sub")
            .args(["-t", LAMP, "-C", "1", "-W", &limit, "-F", "retained=%r %p"])
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Err(format!("mosquitto_sub received nothing: {stderr}"))
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails if it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!("log of mosquitto: {}", log.unwrap_or_default());
        }
    }
}

#[test]
fn orders_by_mqtt_switch_an_output_and_its_topic_shows_it() {
    let machine = lock(&MACHINE);
    let broker = Broker::start();
    shell(&machine, "chip leds leds");
    let config = format!(
        "[agent]\nmachine = \"board\"
[[output]]\nname = \"lamp\"\nchip = \"leds\"\nline = 3\nactive-low = true
[[mqtt]]\nbroker = \"{HOST}:{}\"\norders = [\"output\"]",
        broker.port
    );
    let _agent = Agent::start(&machine, &config);
    let shows = |state: &str, level: &str| {
        let published = broker.wait_for_state(state);
        let log = sh(&machine, "cat /tmp/agent.log");
        assert_eq!(published, Ok(()), "the agent's log: {log}");
        let actual = shell(&machine, "cat $(of leds value)");
        assert_eq!(actual.trim(), level, "the agent's log: {log}");
    };
    // The agent publishes its state only after it has subscribed.
    shows("off", "1");
    for (order, state, level) in [
        ("on", "on", "0"),
        ("toggle", "off", "1"),
        ("toggle", "on", "0"),
        ("off", "off", "1"),
        // A pulse longer than the test; a short one replaces it.
        ("pulse 3600000", "on", "0"),
        ("pulse 100", "off", "1"),
    ] {
        broker.order(order);
        shows(state, level);
    }
    shell(&machine, "end; remove leds");
}
