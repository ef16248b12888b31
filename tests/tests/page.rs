// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live page of the guest's agent, in a browser on the host.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use lab::Paths;
use system_tests::{Agent, Shared, boot, lock, shell};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("page", true)));

/// A configuration with outputs to switch.
const CONFIG: &str = r#"
[agent]
machine = "greenhouse"
[journal]
path = "/tmp/journal"
[[http]]
listen = "0.0.0.0:8080"
insecure = true
control = true
[[output]]
name = "lamp"
chip = "relays"
line = 3
follow.label = "door"
[[output]]
name = "pump"
chip = "relays"
line = 4
"#;

#[test]
fn the_live_page_survives_a_restart_and_switches_outputs() {
    let machine = lock(&MACHINE);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    shell(
        &machine,
        &format!("date -s @{} >/dev/null; chip relays relays", now.as_secs()),
    );
    let agent = Agent::start(&machine, CONFIG);
    shell(&machine, "logged 'listening on .*:8080'");
    let page = machine.page().unwrap();
    let repo = Paths::find().unwrap().repo;
    let mut browser = Command::new("python3")
        .arg(repo.join("tests/page/press.py"))
        .args([format!("http://{page}/"), machine.name()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut request = String::new();
    BufReader::new(browser.stdout.take().unwrap())
        .read_line(&mut request)
        .unwrap();
    let restarted = (request == "restart\n").then(|| {
        drop(agent);
        Agent::start(&machine, CONFIG)
    });
    // Fails if the script has already failed and ended.
    let _ = writeln!(browser.stdin.take().unwrap());
    let browser = browser.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&browser.stderr);
    assert!(browser.status.success(), "{stderr}");
    shell(
        &machine,
        "[ $(cat $(of relays value 4)) = 1 ]; end; remove relays",
    );
    drop(restarted);
}
