// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's packages on Debian with its own kernel, systemd and mosquitto. `MYPOLL_DEBS` is the packages' folder.

use std::env;
use std::sync::{LazyLock, Mutex, MutexGuard};

use lab::store::cache::Cache;
use lab::vm::buttons::Action;
use lab::vm::client::Client;
use lab::vm::debian_root::debian;
use lab::vm::machine::{Machine, MachineOptions};
use lab::{Paths, Progress};
use system_tests::{Shared, TIMEOUT, client, kernel_log, lock, sh, try_sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot()));

const INSTALL: &str = "DEBIAN_FRONTEND=noninteractive apt-get install --yes /mnt/host/*.deb";

/// Lines of QEMU's chip, a broker, and a stream for the tests.
const CONFIGURATION: &str = r#"
[gpiochip]
lines = [
    { chip = "9030000.pl061", line = 3, label = "button" },
    { chip = "9030000.pl061", line = 5, label = "door" },
]
[journal]
path = "/var/lib/mypoll-agent/journal"
[[stream]]
listen = "0.0.0.0:7070"
insecure = true
[[mqtt]]
broker = "127.0.0.1:1883"
"#;

/// Shell functions for systemd and the agent.
const SHELL: &str = r#"
set -eu
trap 'systemctl status --no-pager mypoll-agent >&2; exit 143' TERM
configure() {
    cat >/etc/mypoll-agent.toml
}
property() {
    systemctl show --property "$1" --value mypoll-agent
}
# is STATE: waits until the service has this state. systemd receives READY=1 after the agent serves the first clients.
is() {
    until [ "$(systemctl is-active mypoll-agent)" = $1 ]; do sleep 0.5; done
}
# has_lines [ADDRESS]: waits until the agent knows the level of both lines.
has_lines() {
    until mypollctl --connect ${1:-127.0.0.1:7070} get 1 >/dev/null 2>&1; do sleep 0.5; done
}
# logged TEXT: waits until the running agent has logged the text.
logged() {
    until journalctl --quiet --unit mypoll-agent _PID=$(property MainPID) | grep -q "$1"; do sleep 0.5; done
}
# restarted PID: waits until an agent with another PID has the lines.
restarted() {
    while [ "$(property MainPID)" = $1 ] || [ "$(property MainPID)" = 0 ]; do sleep 0.5; done
    has_lines
}
"#;

fn boot() -> Machine {
    let paths = Paths::find().unwrap();
    let progress = Progress::default();
    let cache = Cache::new(&paths, &progress);
    let debian = debian(cache).unwrap();
    let options = MachineOptions {
        purpose: "debian",
        agent: true,
        share: env::var_os("MYPOLL_DEBS").map(Into::into),
        log: kernel_log("debian"),
        ..MachineOptions::default()
    };
    let machine = Machine::start(cache, debian, &options).unwrap_or_else(|error| panic!("{error}"));
    machine.guest().give_up_after(TIMEOUT * 5).unwrap();
    sh(&machine, INSTALL);
    machine
}

fn shell(machine: &Machine, script: &str) -> String {
    sh(machine, &format!("{SHELL}{script}"))
}

/// Waits for exclusive use of the machine, and restarts the agent with [`CONFIGURATION`] and `more`.
fn agent(more: &str) -> MutexGuard<'static, Machine> {
    let machine = lock(&MACHINE);
    shell(
        &machine,
        &format!(
            "configure <<'END'\n{CONFIGURATION}{more}\nEND
            systemctl restart mypoll-agent
            has_lines"
        ),
    );
    machine
}

/// Presses and releases the button. Returns the number of the second event.
fn press(machine: &Machine, client: &mut Client, label: &str) -> u64 {
    let buttons = machine.buttons().unwrap();
    let line = buttons.line("door").unwrap();
    let mut number = 0;
    for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
        buttons.act(line, action).unwrap();
        let event = client.event(TIMEOUT).unwrap();
        assert_eq!((&*event.kind, event.label.as_deref()), (kind, Some(label)));
        number = event.event;
    }
    number
}

#[test]
fn a_press_reaches_a_subscriber_of_a_broker() {
    let machine = agent("");
    let mut client = client(&machine);
    shell(
        &machine,
        "stdbuf -oL mosquitto_sub -d -h 127.0.0.1 -t 'mypoll/+/event/#' >/tmp/received 2>&1 </dev/null &
        until grep -q Subscribed /tmp/received; do sleep 0.5; done",
    );
    press(&machine, &mut client, "door");
    let received = shell(
        &machine,
        r#"until [ "$(grep -c '"source":"gpio"' /tmp/received)" = 2 ]; do sleep 0.5; done
        kill $(pidof mosquitto_sub)
        grep '"source"' /tmp/received"#,
    );
    let events: Vec<serde_json::Value> = received
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (event, kind) in events.iter().zip(["rising", "falling"]) {
        assert_eq!(event["kind"], kind, "{event}");
        assert_eq!(event["label"], "door", "{event}");
    }
}

#[test]
fn the_installed_files_are_correct() {
    let machine = agent("");
    let installed = shell(
        &machine,
        "dpkg --verify mypoll-agent mypollctl | grep -v ' c /etc/mypoll-agent.toml$' || true
        stat --format '%G %a' /dev/gpiochip0
        systemctl is-enabled mypoll-agent
        stat --format %U /proc/$(property MainPID)
        test -s /usr/share/man/man1/mypollctl.1.gz
        mypoll-agent --version >/dev/null",
    );
    assert_eq!(installed, "gpio 660\nenabled\nmypoll\n");
}

#[test]
fn systemd_resolved_announces_the_agent() {
    let machine = agent("");
    let services = "resolvectl query --protocol=mdns --type=PTR _mypoll._tcp.local";
    shell(
        &machine,
        &format!("until {services} 2>/dev/null | grep -q '_mypoll._tcp'; do sleep 0.5; done"),
    );
    shell(
        &machine,
        &format!("systemctl stop mypoll-agent; while {services}; do sleep 0.5; done"),
    );
}

#[test]
fn the_service_is_not_exposed() {
    let machine = agent("");
    let output = try_sh(
        &machine,
        "systemd-analyze security --no-pager --threshold=20 mypoll-agent",
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status, 0, "{stdout}");
}

#[test]
fn event_numbers_continue_after_a_restart_and_a_crash() {
    let machine = agent("");
    let mut last = press(&machine, &mut client(&machine), "door");
    for end in ["systemctl restart", "systemctl kill --signal=KILL"] {
        shell(
            &machine,
            &format!(
                "pid=$(property MainPID)
                {end} mypoll-agent
                restarted $pid"
            ),
        );
        let next = press(&machine, &mut client(&machine), "door");
        // Two events of the press, after the levels of both lines, which the agent reads at each start.
        assert_eq!(next, last + 4, "after {end}");
        last = next;
    }
}

#[test]
fn a_reload_accepts_a_valid_and_refuses_an_invalid_configuration() {
    let machine = agent("");
    let mut client = client(&machine);
    let pid = shell(&machine, "property MainPID");
    let renamed = CONFIGURATION.replace("\"door\"", "\"gate\"");
    shell(
        &machine,
        &format!(
            "configure <<'END'\n{renamed}\nEND
            systemctl reload mypoll-agent
            until mypollctl --connect 127.0.0.1:7070 lines | grep -q gate; do sleep 0.5; done"
        ),
    );
    // The connected client gets the new label.
    press(&machine, &mut client, "gate");
    shell(
        &machine,
        "configure <<'END'\n[[stream]]\nlisten = 7070\nEND
        systemctl reload mypoll-agent || true
        logged 'mypoll-agent.toml:2: stream.0..listen: '",
    );
    press(&machine, &mut client, "gate");
    assert_eq!(shell(&machine, "property MainPID"), pid);
}

#[test]
fn a_hanging_agent_is_restarted() {
    let machine = agent("");
    shell(
        &machine,
        "mkdir -p /run/systemd/system/mypoll-agent.service.d
        printf '[Service]\nWatchdogSec=20s\n' >/run/systemd/system/mypoll-agent.service.d/watchdog.conf
        systemctl daemon-reload
        systemctl restart mypoll-agent
        has_lines
        started=$(property WatchdogTimestampMonotonic)
        while [ \"$(property WatchdogTimestampMonotonic)\" = $started ]; do sleep 0.5; done
        pid=$(property MainPID)
        kill -STOP $pid
        restarted $pid
        journalctl --quiet --unit mypoll-agent | grep -q 'Watchdog timeout'
        rm -r /run/systemd/system/mypoll-agent.service.d
        systemctl daemon-reload",
    );
    press(&machine, &mut client(&machine), "door");
}

#[test]
fn a_connection_starts_the_service() {
    let machine = agent("");
    shell(
        &machine,
        "printf '[[stream]]\nlisten = \"systemd:activated\"\n' >>/etc/mypoll-agent.toml
        cat >/run/systemd/system/mypoll-agent.socket <<'END'
[Socket]
ListenStream=127.0.0.1:7171
FileDescriptorName=activated
END
        systemctl daemon-reload
        systemctl stop mypoll-agent
        systemctl start mypoll-agent.socket
        is inactive
        has_lines 127.0.0.1:7171
        is active
        systemctl stop mypoll-agent.socket mypoll-agent
        rm /run/systemd/system/mypoll-agent.socket
        systemctl daemon-reload",
    );
}

#[test]
fn an_output_reports_what_the_kernel_lacks() {
    let machine = agent("[[output]]\nname = \"led\"\nchip = \"9030000.pl061\"\nline = 0");
    shell(&machine, "logged 'outputs need CONFIG_GPIO_CDEV_V1'");
    press(&machine, &mut client(&machine), "door");
}

#[test]
fn a_purge_leaves_only_the_user() {
    let machine = agent("");
    shell(
        &machine,
        "test -e /var/lib/mypoll-agent/journal
        DEBIAN_FRONTEND=noninteractive apt-get purge --yes mypoll-agent mypollctl
        for left in /etc/mypoll-agent.toml /var/lib/mypoll-agent /usr/lib/systemd/system/mypoll-agent.service; do
            test ! -e $left
        done
        test ! -e /etc/systemd/system/multi-user.target.wants/mypoll-agent.service
        is inactive
        id mypoll",
    );
    sh(&machine, INSTALL);
}
