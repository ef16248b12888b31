// SPDX-License-Identifier: MIT OR Apache-2.0
//! Conflicts between the agent and other programs that use lines, ports and the driver.

use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use system_tests::{Agent, Shared, TIMEOUT, boot, client, lock, sh, try_sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent", true)));

/// The LED: an unused line of the simulated chip.
const LED: &str = "/sys/devices/platform/gpio-sim/gpiochip*/sim_gpio7/value";

#[test]
fn a_line_in_use_is_taken_when_it_becomes_free() {
    let machine = lock(&MACHINE);
    // Another agent, with another source.
    sh(
        &machine,
        "mkfifo /tmp/events
        cat >/tmp/holder.toml <<'END'
[simulated]
path = \"/tmp/events\"
[[stream]]
listen = \"unix:/tmp/holder.sock\"
[[output]]
name = \"held\"
chip = \"mypoll-sim\"
line = 7
END
        mypoll-agent --config /tmp/holder.toml >/tmp/holder.log 2>&1 </dev/null &
        echo $! >/tmp/holder.pid
        until grep -q 'opened it output=\"held\"' /tmp/holder.log; do sleep 0.1; done",
    );
    let config = "[[output]]\nchip = \"mypoll-sim\"\nline = 7\nfollow = { label = \"door\" }";
    let _agent = Agent::start(&machine, config);
    let mut client = client(&machine);
    let buttons = machine.buttons().unwrap();
    let door = buttons.line("door").unwrap();
    buttons.act(door, Action::Down).unwrap();
    assert_eq!(client.event(TIMEOUT).unwrap().value, 1);
    sh(
        &machine,
        "until grep -q 'ERROR .*(`mypoll-agent: held` has it)' /tmp/agent.log; do sleep 0.1; done",
    );
    assert_eq!(sh(&machine, &format!("cat {LED}")), "0\n");

    sh(
        &machine,
        &format!(
            "kill -TERM $(cat /tmp/holder.pid)
            until grep -q 1 {LED}; do sleep 0.1; done"
        ),
    );
    buttons.act(door, Action::Up).unwrap();
    assert_eq!(client.event(TIMEOUT).unwrap().value, 0);
    sh(
        &machine,
        &format!("until grep -q 0 {LED}; do sleep 0.1; done"),
    );
}

#[test]
fn a_second_agent_cannot_listen_on_the_same_port() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let output = try_sh(&machine, "exec mypoll-agent --config /tmp/agent.toml");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status, 1, "{stderr}");
    assert!(stderr.contains("cannot listen on 0.0.0.0:7070"), "{stderr}");
}

#[test]
fn the_driver_cannot_be_unloaded_while_the_agent_reads() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    let output = try_sh(&machine, "rmmod mypoll");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status, 0, "{stderr}");
    assert!(stderr.contains("unavailable"), "{stderr}");
    // The agent still receives events.
    let buttons = machine.buttons().unwrap();
    let button = buttons.line("button").unwrap();
    for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
        buttons.act(button, action).unwrap();
        assert_eq!(client.event(TIMEOUT).unwrap().kind, kind);
    }
}
