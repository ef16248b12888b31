// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent beside others: what they have, and what they want to take away.

use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use system_tests::{Agent, DEADLINE, Shared, boot, client, sh, try_sh, turn};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent", true)));

/// The LED: a free line of the simulated chip.
const LED: &str = "/sys/devices/platform/gpio-sim/gpiochip*/sim_gpio7/value";

#[test]
fn a_line_that_something_else_has_is_taken_when_it_is_free() {
    let machine = turn(&MACHINE);
    // Another agent, which reads something else.
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
    assert_eq!(client.event(DEADLINE).unwrap().value, 1);
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
    assert_eq!(client.event(DEADLINE).unwrap().value, 0);
    sh(
        &machine,
        &format!("until grep -q 0 {LED}; do sleep 0.1; done"),
    );
}

#[test]
fn a_second_agent_is_refused_the_port() {
    let machine = turn(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let output = try_sh(&machine, "exec mypoll-agent --config /tmp/agent.toml");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status, 1, "{said}");
    assert!(said.contains("cannot listen on 0.0.0.0:7070"), "{said}");
}

#[test]
fn the_driver_stays_while_the_agent_reads() {
    let machine = turn(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    let output = try_sh(&machine, "rmmod mypoll");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status, 0, "{said}");
    assert!(said.contains("unavailable"), "{said}");
    // Nothing was taken away.
    let buttons = machine.buttons().unwrap();
    let button = buttons.line("button").unwrap();
    for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
        buttons.act(button, action).unwrap();
        assert_eq!(client.event(DEADLINE).unwrap().kind, kind);
    }
}
