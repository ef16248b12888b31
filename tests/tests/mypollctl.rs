// SPDX-License-Identifier: MIT OR Apache-2.0
//! mypollctl with the driver and the agent: its output, its effect on other readers, and its error messages.

use std::sync::{LazyLock, Mutex};

use lab::vm::machine::Machine;
use serde_json::Value;
use system_tests::{Agent, Shared, TIMEOUT, boot, client, lock, sh, try_sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("mypollctl", true)));

/// Shell functions that press a button and wait for programs.
const SHELL: &str = r#"
set -eu
pull() {
    for level; do
        echo pull-$level >$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull)
    done
}
press() {
    pull up down
}
# monitors N: waits until mypollctl has N open queues.
monitors() {
    until [ "$(mypollctl queues | grep -c ' mypollctl .* private ')" = $1 ]; do sleep 0.1; done
}
agent() {
    mypollctl --connect unix:/tmp/agent.sock "$@"
}
"#;

/// A stream that accepts orders, and an LED.
const CONFIG: &str = "[[stream]]\nlisten = \"unix:/tmp/agent.sock\"\n[[output]]\nname = \"lamp\"\nchip = \"mypoll-sim\"\nline = 7\n";

fn shell(machine: &Machine, script: &str) -> String {
    sh(machine, &format!("{SHELL}{script}"))
}

/// The exit status and the output of a command that may fail.
fn try_shell(machine: &Machine, script: &str) -> (u8, String) {
    let output = try_sh(machine, &format!("{SHELL}{script}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(text).unwrap())
}

fn objects(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn monitors_take_no_events_from_the_agent_or_each_other() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    let mut client = client(&machine);
    let printed = shell(
        &machine,
        "mypollctl monitor --count 4 >/tmp/all & all=$!
        mypollctl monitor --label sim --kind rising --json --count 2 >/tmp/rising & rising=$!
        agent monitor --line 2 --kind falling --count 2 >/tmp/falling & falling=$!
        monitors 2
        until grep -q EVENT /tmp/falling; do sleep 0.1; done
        press
        mypollctl trigger
        press
        wait $all; wait $rising; wait $falling
        cat /tmp/all /tmp/falling /tmp/rising",
    );
    let kinds: Vec<_> = printed
        .lines()
        .filter(|line| !line.starts_with('{') && !line.contains("EVENT"))
        .map(|line| line.split_whitespace().nth(2).unwrap())
        .collect();
    let all = ["rising", "falling", "trigger", "rising"];
    assert_eq!(
        kinds,
        [&all[..], &["falling", "falling"]].concat(),
        "{printed}"
    );
    let (_, rising) = printed.split_at(printed.find('{').unwrap());
    let rising = objects(rising);
    assert_eq!(rising.len(), 2, "{printed}");
    for event in rising {
        assert_eq!(
            (&event["kind"], &event["label"]),
            (&"rising".into(), &"sim".into())
        );
    }
    for kind in all.into_iter().chain(["falling"]) {
        assert_eq!(client.event(TIMEOUT).unwrap().kind, kind);
    }
}

#[test]
fn events_of_the_shared_queue_have_labels() {
    let machine = lock(&MACHINE);
    shell(
        &machine,
        r#"mypollctl monitor --shared --json >/tmp/shared & monitor=$!
        until grep -q '"label":"sim"' /tmp/shared; do press; sleep 0.1; done
        kill $monitor"#,
    );
}

#[test]
fn wait_ends_at_the_edge_or_the_timeout() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    let event = shell(
        &machine,
        "mypollctl wait sim --edge falling --timeout 5m --json >/tmp/edge & edge=$!
        monitors 1
        press
        wait $edge
        cat /tmp/edge",
    );
    assert_eq!(objects(&event)[0]["kind"], "falling");
    for command in ["mypollctl", "agent"] {
        let timed_out = try_shell(&machine, &format!("{command} wait sim --timeout 200ms"));
        assert_eq!(timed_out, (124, String::new()), "{command}");
    }
    let (status, text) = try_shell(&machine, "mypollctl wait bell --timeout 5m");
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("no line `bell`; the driver has: 0 `button`, 1 `door`, 2 `sim`"),
        "{text}"
    );
}

#[test]
fn levels_match_the_lines() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    for (pull, level) in [("up", "1"), ("down", "0")] {
        let levels = shell(
            &machine,
            &format!(
                "pull {pull}
                mypollctl get sim; mypollctl get 2
                until [ $(agent get sim) = {level} ]; do sleep 0.1; done
                agent lines | grep ' sim '; mypollctl lines | grep ' sim '"
            ),
        );
        let words: Vec<_> = levels.split_whitespace().collect();
        // The level twice, and the columns LINE, LABEL and LEVEL twice.
        assert_eq!(words[..2], [level; 2], "{levels}");
        assert_eq!(words[2..5], ["2", "sim", level], "{levels}");
        assert_eq!(words[5..8], ["2", "sim", level], "{levels}");
    }
    let lines = objects(&shell(&machine, "mypollctl lines --json"));
    let labels: Vec<_> = lines
        .iter()
        .map(|line| line["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels[..3], ["button", "door", "sim"]);
}

#[test]
fn queues_are_named_with_their_readers() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    let queues = shell(
        &machine,
        "mypollctl reset
        sleep 1000 </dev/mypoll & sleeper=$!
        until mypollctl queues | grep -q ' sleep '; do sleep 0.1; done
        mypollctl monitor >/tmp/stopped & monitor=$!
        monitors 1
        kill -STOP $monitor
        for event in 1 2 3; do mypollctl trigger; done
        mypollctl queues --json
        kill $sleeper; kill -KILL $monitor",
    );
    let queues = objects(&queues);
    let of = |program: &str| {
        let mut found = queues.iter().filter(|queue| queue["program"] == program);
        let queue = found
            .next()
            .unwrap_or_else(|| panic!("{program}: {queues:?}"));
        assert!(found.next().is_none(), "{program}: {queues:?}");
        queue
    };
    assert_eq!(of("sleep")["queue"], "shared");
    assert_eq!(of("mypoll-agent")["queue"], "private");
    assert_eq!(of("mypoll-agent")["capacity"], 32768);
    let monitor = of("mypollctl");
    assert_eq!(
        (&monitor["depth"], &monitor["lost"]),
        (&3.into(), &0.into())
    );
}

#[test]
fn earlier_events_are_available_by_number() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    for address in ["unix:/tmp/agent.sock", "tcp:127.0.0.1:7070"] {
        let printed = shell(
            &machine,
            &format!(
                "ctl='mypollctl --connect {address}'
                $ctl info >/tmp/info
                . /tmp/info
                mypollctl trigger; agent trigger; press
                echo $next
                $ctl monitor --json --since $session-$((next - 1)) --count 4"
            ),
        );
        let (next, events) = printed.split_once('\n').unwrap();
        let next: u64 = next.parse().unwrap();
        let events = objects(events);
        assert_eq!(events.len(), 4, "{address}: {events:?}");
        for (event, (number, kind)) in events
            .iter()
            .zip((next..).zip(["trigger", "trigger", "rising", "falling"]))
        {
            assert_eq!(
                (&event["event"], &event["kind"]),
                (&number.into(), &kind.into()),
                "{address}: {events:?}"
            );
        }
    }
}

#[test]
fn orders_need_permission() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, CONFIG);
    shell(
        &machine,
        "level() { cat /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio7/value; }
        agent set lamp on; [ $(level) = 1 ]
        agent set lamp toggle; [ $(level) = 0 ]",
    );
    let (status, text) = try_shell(&machine, "mypollctl --connect 127.0.0.1:7070 set lamp on");
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("control"), "{text}");
    let (status, text) = try_shell(&machine, "agent set lump on");
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("no output `lump`"), "{text}");
}

#[test]
fn doctor_names_problems_and_remedies() {
    let machine = lock(&MACHINE);
    let agent = Agent::start(&machine, CONFIG);
    let healthy = shell(&machine, "press; mypollctl doctor; agent doctor");
    for found in [
        "ok       module ",
        "ok       device ",
        "ok       permissions ",
        "ok       lines        0 `button`, 1 `door`, 2 `sim`",
        "tcp:127.0.0.1:7070: version ",
        "ok       source ",
        "unix:/tmp/agent.sock: version ",
    ] {
        assert!(healthy.contains(found), "{found}: {healthy}");
    }
    assert!(!healthy.contains("PROBLEM"), "{healthy}");

    let expect_problems = |script: &str, problems: &[&str]| {
        let (status, text) = try_shell(&machine, script);
        assert_eq!(status, 1, "{script}: {text}");
        let found: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("PROBLEM "))
            .map(|problem| problem.split_whitespace().next().unwrap())
            .collect();
        assert_eq!(found, problems, "{script}: {text}");
        assert_eq!(
            text.matches('→').count(),
            text.matches("PROBLEM").count() + text.matches("warning").count(),
            "{script}: {text}"
        );
        text
    };
    let text = expect_problems(
        "chmod 660 /dev/mypoll
        echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
        echo 'nobody:x:65534:' >/etc/group
        chpst -u nobody mypollctl doctor",
        &["permissions"],
    );
    assert!(text.contains("usermod -a -G mypoll"), "{text}");
    expect_problems("mypollctl --device /dev/nothing doctor", &["device"]);
    expect_problems("mypollctl --device /tmp/agent.toml doctor", &["device"]);
    expect_problems(
        "mypollctl --connect unix:/tmp/nothing.sock doctor",
        &["agent"],
    );
    let (_, text) = try_shell(&machine, "mypollctl --device /dev/nothing doctor --json");
    let device = &objects(&text)[1];
    assert_eq!(
        (&device["check"], &device["state"]),
        (&"device".into(), &"problem".into())
    );

    drop(agent);
    let text = expect_problems("rmmod mypoll; mypollctl doctor", &["module", "device"]);
    assert!(text.contains("→ modprobe mypoll"), "{text}");
    assert!(text.contains("none answers: "), "{text}");
    shell(&machine, "modprobe mypoll; mypollctl doctor");
}
