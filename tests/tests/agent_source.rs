// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent with the driver as its source: no event is lost unnoticed, and labels and levels stay correct, whatever
//! happens to the lines.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use lab::vm::client::{Client, Event, Message};
use lab::vm::machine::Machine;
use system_tests::{Agent, Shared, TIMEOUT, boot, client, clients, lock, sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent_source", true)));

/// Opens the simulated line 2, which is pressed inside the guest.
const SIM: &str = "exec 3>$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull)\n";

/// Prints the number of events that the driver reported since it was loaded.
const REPORTED: &str =
    "cd /sys/class/misc/mypoll/statistics; echo $(($(cat generated) + $(cat dropped)))";

/// Shell commands that toggle the simulated line `count` times, starting with active.
fn edges(count: u32) -> String {
    assert_eq!(count % 2, 0);
    format!(
        "{SIM}i=0
        while [ $i -lt {} ]; do echo pull-up >&3; echo pull-down >&3; i=$((i + 1)); done\n",
        count / 2
    )
}

fn reported(machine: &Machine) -> u64 {
    sh(machine, REPORTED).trim().parse().unwrap()
}

/// Sends a trigger. Returns the events before it and the number of missed ones.
fn trigger_and_receive(machine: &Machine, client: &mut Client) -> (Vec<Event<'static>>, u64) {
    sh(machine, "echo trigger >/dev/mypoll");
    receive_up_to_trigger(client)
}

/// Receives up to a trigger. Returns the events before it and the number of missed ones.
fn receive_up_to_trigger(client: &mut Client) -> (Vec<Event<'static>>, u64) {
    let (mut events, mut missing) = (Vec::new(), 0);
    let trigger = client.find(TIMEOUT, |received| {
        match &received.message {
            Message::Event(event) if event.source == "manual" => return Ok(Some(())),
            Message::Event(event) => events.push(event.clone()),
            Message::Missed(missed) => missing += missed.missed + missed.lost.unwrap_or(0),
            Message::Heartbeat { .. } => {}
            _ => panic!("{received}"),
        }
        Ok(None)
    });
    trigger.unwrap();
    (events, missing)
}

fn lost(events: &[Event]) -> u64 {
    events.iter().map(|event| u64::from(event.lost)).sum()
}

/// The events of one line: kind, label and level.
fn of_line<'a>(events: &'a [Event], line: u32) -> Vec<(&'a str, &'a str, u32)> {
    let of_line = events
        .iter()
        .filter(|event| event.source == "gpio" && event.line == line);
    of_line
        .map(|event| {
            let label = event.label.as_deref().unwrap_or_default();
            (&*event.kind, label, event.value)
        })
        .collect()
}

#[test]
fn all_edges_of_a_shell_loop_arrive() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    sh(&machine, &edges(400));
    let (events, missing) = trigger_and_receive(&machine, &mut client);
    assert_eq!((events.len(), missing, lost(&events)), (400, 0, 0));
    for (event, value) in events.iter().zip([1, 0].into_iter().cycle()) {
        assert_eq!((event.line, event.value), (2, value), "{event:?}");
    }
}

#[test]
fn events_while_the_agent_was_stopped_arrive() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "[journal]\nmemory = 67108864");
    let mut client = client(&machine);
    let before = reported(&machine);
    sh(
        &machine,
        &format!(
            "echo start 1 >/dev/mypoll
            kill -STOP $(cat /run/mypoll-agent.pid)
            {}
            sleep 2
            kill -CONT $(cat /run/mypoll-agent.pid)
            echo stop >/dev/mypoll",
            edges(2000)
        ),
    );
    let expected = reported(&machine) - before;
    let (events, missing) = trigger_and_receive(&machine, &mut client);
    assert_eq!(
        (events.len() as u64, missing, lost(&events)),
        (expected, 0, 0)
    );
    assert_eq!(of_line(&events, 2).len(), 2000);
}

#[test]
fn ticks_arrive_at_every_client() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "[journal]\nmemory = 67108864");
    let mut clients = clients::<3>(&machine);
    let before = reported(&machine);
    sh(
        &machine,
        "echo start 1 >/dev/mypoll
        sleep 9
        kill -STOP $(cat /run/mypoll-agent.pid)
        sleep 2
        kill -CONT $(cat /run/mypoll-agent.pid)
        sleep 9
        echo stop >/dev/mypoll
        echo trigger >/dev/mypoll",
    );
    // Without the trigger.
    let expected = reported(&machine) - before - 1;
    for client in &mut clients {
        let (events, missing) = receive_up_to_trigger(client);
        // A slow machine loses some events, but reports how many.
        let counted = events.len() as u64 + lost(&events) + missing;
        assert_eq!(counted, expected, "{missing} missing");
    }
}

#[test]
fn events_have_the_time_of_a_changed_clock() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    let now = "date -u +%Y-%m-%dT%H:%M:%S";
    // The guest has no battery-backed clock: its time starts in 1970.
    for jump in [1_000_000_000, 86_400, -172_800] {
        let times = sh(
            &machine,
            &format!(
                "set -e
                date -s @$(($(date +%s) + {jump})) >/dev/null
                {now}; echo trigger >/dev/mypoll; {now}"
            ),
        );
        let (earliest, latest) = times.trim().split_once('\n').unwrap();
        let event = client.event(TIMEOUT).unwrap();
        assert_eq!(event.kind, "trigger");
        let time = &event.time[..earliest.len()];
        assert!(
            (earliest..=latest).contains(&time),
            "{jump}: {time}, {times}"
        );
    }
}

#[test]
fn events_lost_by_a_queue_are_counted_and_the_level_is_correct() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "[device]\nqueue = 256");
    let mut client = client(&machine);
    for last in ["up", "down"] {
        let before = reported(&machine);
        sh(
            &machine,
            &format!(
                "kill -STOP $(cat /run/mypoll-agent.pid)
                {}
                echo pull-{last} >&3
                kill -CONT $(cat /run/mypoll-agent.pid)",
                edges(1000)
            ),
        );
        let expected = reported(&machine) - before;
        let (events, missing) = trigger_and_receive(&machine, &mut client);
        // The last event has the current level, so the agent does not read the level again.
        assert!(
            events.iter().all(|event| event.kind != "level"),
            "{events:?}"
        );
        assert_eq!(
            (events.len() as u64 + lost(&events), missing),
            (expected, 0)
        );
        assert!(lost(&events) > 0);
        assert_eq!(events.last().unwrap().value, u32::from(last == "up"));
    }
}

#[test]
fn a_bouncing_contact_ends_with_the_correct_level() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    for _ in 0..10 {
        for (first, last, value) in [("down", "up", 1), ("up", "down", 0)] {
            let bounces = format!("echo pull-{last} >&3; echo pull-{first} >&3\n").repeat(20);
            sh(&machine, &format!("{SIM}{bounces}echo pull-{last} >&3"));
            let (events, missing) = trigger_and_receive(&machine, &mut client);
            assert_eq!((events.len(), missing, lost(&events)), (41, 0, 0));
            assert_eq!(events[40].value, value);
        }
    }
}

#[test]
fn unbound_lines_are_removed_and_added_again() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    sh(
        &machine,
        "cd /sys/bus/platform/drivers/mypoll
        device=$(basename $(ls -d *events*))
        echo $device >unbind
        echo $device >bind",
    );
    let buttons = machine.buttons().unwrap();
    let door = buttons.line("door").unwrap();
    let mut events = Vec::new();
    for (action, expected) in [(Action::Down, "rising"), (Action::Up, "falling")] {
        buttons.act(door, action).unwrap();
        while !matches!(events.last(), Some(Event { kind, .. }) if kind == expected) {
            events.push(client.event(TIMEOUT).unwrap());
        }
    }
    assert_eq!(
        of_line(&events, 1),
        [
            ("removed", "door", 0),
            ("added", "door", 0),
            ("rising", "door", 1),
            ("falling", "door", 0)
        ]
    );
    for line in 0..8 {
        let kinds: Vec<_> = of_line(&events, line)
            .into_iter()
            .map(|(kind, _, _)| kind)
            .collect();
        assert_eq!(kinds[..2], ["removed", "added"], "{line}");
    }
}

#[test]
fn the_agent_waits_for_a_driver_that_is_loaded_later() {
    let machine = lock(&MACHINE);
    let agent = Agent::start(&machine, "");
    drop(agent);
    sh(
        &machine,
        "pid=$(cat /run/mypoll-agent.pid)
        kill -TERM $pid
        while kill -0 $pid 2>/dev/null; do sleep 0.1; done
        rmmod mypoll",
    );
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    sh(
        &machine,
        "until grep -q 'waiting for the device: /dev/mypoll does not exist' /tmp/agent.log; do sleep 0.1; done
        modprobe mypoll
        until grep -q 'opened /dev/mypoll' /tmp/agent.log; do sleep 0.1; done",
    );
    let (events, _) = trigger_and_receive(&machine, &mut client);
    assert_eq!(of_line(&events, 1), [("level", "door", 0)]);
    let log = sh(&machine, "cat /tmp/agent.log");
    assert_eq!(log.matches("waiting for the device").count(), 1, "{log}");
}

#[test]
fn a_reused_number_has_the_label_of_its_current_line() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    // The third label is not UTF-8.
    sh(
        &machine,
        "knows_it() { mypollctl --connect 127.0.0.1:7070 lines | grep -q '^ *900 '; }
        mkdir /sys/kernel/config/mypoll/line
        cd /sys/kernel/config/mypoll/line
        echo mypoll-sim >chip; echo 6 >offset; echo 900 >number
        pull=$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio6/pull)
        for label in one two $(printf 'gr\\374n'); do
            echo $label >label; echo 1 >live
            echo pull-up >$pull; echo pull-down >$pull
            # The agent reads the label when it receives the event that the line was added.
            until knows_it; do sleep 0.1; done
            echo 0 >live
            while knows_it; do sleep 0.1; done
        done
        rmdir /sys/kernel/config/mypoll/line",
    );
    let (events, missing) = trigger_and_receive(&machine, &mut client);
    assert_eq!(missing, 0);
    let labels = ["one", "two", "gr\u{fffd}n"];
    let expected: Vec<_> = labels
        .into_iter()
        .flat_map(|label| {
            [("added", 0), ("rising", 1), ("falling", 0), ("removed", 0)]
                .map(|(kind, value)| (kind, label, value))
        })
        .collect();
    assert_eq!(of_line(&events, 900), expected);
}

#[test]
fn two_hundred_lines_have_their_labels() {
    let machine = lock(&MACHINE);
    let _agent = Agent::start(&machine, "");
    let mut client = client(&machine);
    sh(
        &machine,
        "mkdir -p /sys/kernel/config/gpio-sim/many/bank
        echo 200 >/sys/kernel/config/gpio-sim/many/bank/num_lines
        echo many >/sys/kernel/config/gpio-sim/many/bank/label
        echo 1 >/sys/kernel/config/gpio-sim/many/live
        cd /sys/kernel/config/mypoll
        i=0
        while [ $i -lt 200 ]; do
            mkdir many-$i
            echo many >many-$i/chip; echo $i >many-$i/offset; echo $((700 + i)) >many-$i/number
            echo 1 >many-$i/live
            i=$((i + 1))
        done",
    );
    let (events, _) = trigger_and_receive(&machine, &mut client);
    let added = events.iter().filter(|event| event.kind == "added");
    let added: BTreeMap<_, _> = added
        .map(|event| (event.line, event.label.clone().unwrap_or_default()))
        .collect();
    let expected: BTreeMap<_, _> = (0..200)
        .map(|line| (700 + line, format!("many-{line}").into()))
        .collect();
    assert_eq!(added, expected);
    // A new agent knows them from the start.
    let _agent = Agent::start(&machine, "");
    sh(
        &machine,
        "until grep -q 'opened /dev/mypoll with' /tmp/agent.log; do sleep 0.1; done
        grep -q 'opened /dev/mypoll with 208 lines' /tmp/agent.log || { cat /tmp/agent.log >&2; exit 1; }
        cd /sys/kernel/config/mypoll
        rmdir many-*
        echo 0 >/sys/kernel/config/gpio-sim/many/live
        rmdir /sys/kernel/config/gpio-sim/many/bank /sys/kernel/config/gpio-sim/many",
    );
}
