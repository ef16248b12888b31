// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent with lines of the GPIO character device instead of the driver.

use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use lab::vm::client::Client;
use lab::vm::machine::Machine;
use system_tests::{Agent, Shared, TIMEOUT, boot, client, lock, shell, try_sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent_gpiochip", true)));

/// Two lines of QEMU's chip, which the driver uses otherwise.
const BOARD: &str = r#"lines = [
    { chip = "9030000.pl061", line = 3, label = "button" },
    { chip = "9030000.pl061", line = 5, label = "door" },
]"#;

/// Starts an agent with these lines and waits until it has opened all `count`.
fn start<'a>(machine: &'a Machine, lines: &str, count: usize) -> Agent<'a> {
    let agent = Agent::start(machine, &format!("[gpiochip]\n{lines}"));
    shell(
        machine,
        &format!("logged 'reading {count} of {count} lines'"),
    );
    agent
}

/// The next event: kind, label, line and level.
fn next(client: &mut Client) -> (String, String, u32, u32) {
    let event = client.event(TIMEOUT).unwrap();
    assert_eq!((&*event.source, event.lost), ("gpio", 0), "{event:?}");
    let label = event.label.unwrap_or_default();
    (event.kind.into(), label.into(), event.line, event.value)
}

fn event(kind: &str, label: &str, line: u32, value: u32) -> (String, String, u32, u32) {
    (kind.to_owned(), label.to_owned(), line, value)
}

#[test]
fn lines_are_opened_when_the_driver_releases_them() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, &format!("[gpiochip]\n{BOARD}"));
    shell(
        &machine,
        "modprobe mypoll
        logged 'waiting for GPIO lines: line 3 of /dev/gpiochip[0-9]* is used by `button`; line 5 of .* is used by `door`'
        rmmod mypoll
        logged 'reading 2 of 2 lines'",
    );
    let mut client = client(&machine);
    let buttons = machine.buttons().unwrap();
    for (number, label) in [(0, "button"), (1, "door")] {
        let line = buttons.line(label).unwrap();
        buttons.act(line, Action::Down).unwrap();
        assert_eq!(next(&mut client), event("rising", label, number, 1));
        buttons.act(line, Action::Up).unwrap();
        assert_eq!(next(&mut client), event("falling", label, number, 0));
    }
    shell(&machine, "end; modprobe mypoll");
}

#[test]
fn levels_are_correct_after_bounces_and_no_event_is_lost() {
    let machine = lock(&MACHINE);
    shell(
        &machine,
        "rmmod mypoll 2>/dev/null || { end; rmmod mypoll; }",
    );
    let _agent = start(&machine, BOARD, 2);
    let mut client = client(&machine);
    let buttons = machine.buttons().unwrap();
    let [door, button] = ["door", "button"].map(|line| buttons.line(line).unwrap());
    let mut last = 0;
    for attempt in 1..=50 {
        let value = attempt % 2;
        let levels: Vec<_> = (0..41).map(|edge| (edge + value) % 2 == 1).collect();
        buttons.set(door, &levels).unwrap();
        for action in [Action::Down, Action::Up] {
            buttons.act(button, action).unwrap();
            loop {
                let (_, label, _, level) = next(&mut client);
                if label == "button" {
                    break;
                }
                last = level;
            }
        }
        // The press may overtake the bounces: each line has its own interrupt thread.
        while last != value {
            (_, _, _, last) = next(&mut client);
        }
    }
    shell(&machine, "end; modprobe mypoll");
}

#[test]
fn lines_are_configured_as_requested() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip board board");
    let lines = r#"lines = [
        { chip = "board", line = 0, label = "up", bias = "pull-up" },
        { chip = "board", line = 1, label = "low", bias = "pull-up", active-low = true },
        { chip = "board", line = 2, label = "quiet", bias = "pull-down", debounce = "3s" },
        { name = "green", edges = "falling" },
    ]"#;
    let _agent = start(&machine, lines, 4);
    let levels = shell(
        &machine,
        "for line in 0 1 2 3; do mypollctl --connect 127.0.0.1:7070 get $line || true; done",
    );
    assert_eq!(levels.split_whitespace().collect::<String>(), "1000");

    let mut client = client(&machine);
    shell(
        &machine,
        "echo pull-down >$(of board pull 0)
        echo pull-down >$(of board pull 1)
        echo pull-up >$(of board pull)
        echo pull-down >$(of board pull)
        exec 3>$(of board pull 2)
        i=0
        while [ $i -lt 20 ]; do echo pull-up >&3; echo pull-down >&3; i=$((i + 1)); done
        echo pull-up >&3",
    );
    // Each line has its own interrupt thread: the events arrive in any order.
    let mut events = [(); 4].map(|()| next(&mut client));
    events.sort_by_key(|(_, _, line, _)| *line);
    let expected = [
        event("falling", "up", 0, 0),
        event("rising", "low", 1, 1),
        event("rising", "quiet", 2, 1),
        event("falling", "green", 3, 0),
    ];
    assert_eq!(events, expected);
    shell(&machine, "echo pull-down >$(of board pull 2)");
    assert_eq!(next(&mut client), event("falling", "quiet", 2, 0));
    shell(&machine, "end; remove board");
}

#[test]
fn a_removed_chip_is_used_again_when_it_returns() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip board board");
    let _agent = start(&machine, "lines = [{ name = \"green\" }]", 1);
    let mut client = client(&machine);
    shell(&machine, "echo pull-up >$(of board pull)");
    assert_eq!(next(&mut client), event("rising", "green", 0, 1));
    shell(
        &machine,
        // The agent closes the line only after the chip is removed. gpio-sim frees the interrupt first and its number
        // later: closing the line in between makes gpiolib (6.18) warn of an already freed interrupt.
        "kill -STOP $(cat /run/mypoll-agent.pid)
        echo 0 >$configfs/board/live
        kill -CONT $(cat /run/mypoll-agent.pid)
        logged 'waiting for GPIO lines: no line is named `green`'",
    );
    assert_eq!(next(&mut client), event("removed", "green", 0, 0));
    shell(
        &machine,
        "echo 1 >$configfs/board/live
        until [ $(count 'reading 1 of 1 lines') = 2 ]; do sleep 0.1; done",
    );
    assert_eq!(next(&mut client), event("level", "green", 0, 0));
    shell(&machine, "echo pull-up >$(of board pull)");
    assert_eq!(next(&mut client), event("rising", "green", 0, 1));
    shell(&machine, "end; remove board");
}

#[test]
fn ambiguous_names_are_an_error_that_names_both_chips() {
    let machine = lock(&MACHINE);
    let chips = shell(
        &machine,
        "chip one twins; chip two twins; device one; device two",
    );
    let chips: Vec<_> = chips.lines().collect();
    for (line, expected) in [
        (
            r#"{ chip = "twins", line = 0 }"#,
            "several chips have the label `twins`",
        ),
        (r#"{ name = "green" }"#, "several lines are named `green`"),
    ] {
        let start = format!(
            "echo 'gpiochip.lines = [{line}]' >/tmp/twins.toml
            exec mypoll-agent --config /tmp/twins.toml"
        );
        let output = try_sh(&machine, &start);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status, 1, "{stderr}");
        for part in [expected, chips[0], chips[1]] {
            assert!(stderr.contains(part), "{part}: {stderr}");
        }
    }
    shell(&machine, "remove one two");
}

#[test]
fn events_lost_by_the_kernel_are_counted_and_levels_are_correct() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip board board");
    let lines = r#"lines = [
        { name = "green" },
        { chip = "board", line = 0, label = "presses", edges = "rising" },
    ]"#;
    let _agent = start(&machine, lines, 2);
    let mut client = client(&machine);
    // With one CPU the interrupt thread queues each edge before the script makes the next one.
    shell(
        &machine,
        "echo 0 >/sys/devices/system/cpu/cpu1/online
        kill -STOP $(cat /run/mypoll-agent.pid)
        exec 3>$(of board pull) 4>$(of board pull 0)
        i=0
        while [ $i -lt 1000 ]; do
            echo pull-up >&3; echo pull-down >&3
            echo pull-up >&4; echo pull-down >&4
            i=$((i + 1))
        done
        kill -CONT $(cat /run/mypoll-agent.pid)
        echo 1 >/sys/devices/system/cpu/cpu1/online",
    );
    let (mut edges, mut lost) = ([0; 2], [0; 2]);
    // The level of line 1 is read again, since its last edge caused no event.
    loop {
        let event = client.event(TIMEOUT).unwrap();
        if event.kind == "level" {
            assert_eq!((event.line, event.value), (1, 0), "{event:?}");
            break;
        }
        edges[event.line as usize] += 1;
        lost[event.line as usize] += event.lost;
    }
    assert_eq!([edges[0] + lost[0], edges[1] + lost[1]], [2000, 1000]);
    assert!(lost[0] > 0 && lost[1] > 0, "{lost:?}");
    let last = shell(&machine, "mypollctl --connect 127.0.0.1:7070 get 0 || true");
    assert_eq!(last.trim(), "0");
    shell(&machine, "end; remove board");
}
