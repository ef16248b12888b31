// SPDX-License-Identifier: MIT OR Apache-2.0
//! The agent's outputs on simulated GPIO chips: after lost edges, on chips that are removed and added, and with orders.

use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use lab::vm::machine::Machine;
use system_tests::{Agent, Shared, TIMEOUT, boot, client, lock, sh, shell};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("agent_output", true)));

/// A stream that accepts orders.
const ORDERS: &str = "[[stream]]\nlisten = \"127.0.0.1:7071\"\ncontrol = true\n";

fn door(machine: &Machine, action: Action) {
    let buttons = machine.buttons().unwrap();
    buttons.act(buttons.line("door").unwrap(), action).unwrap();
}

#[test]
fn an_led_is_correct_after_lost_edges_and_bounces() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip leds leds");
    let config =
        "[device]\nqueue = 256\n[[output]]\nchip = \"leds\"\nline = 3\nfollow.label = \"sim\"";
    let _agent = Agent::start(&machine, config);
    // The agent is stopped while more edges occur than its queue holds; the last edges are lost.
    for (levels, shown) in [("up down", 0), ("down up", 1)] {
        shell(
            &machine,
            &format!(
                "exec 3>$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull)
                pid=$(cat /run/mypoll-agent.pid)
                kill -STOP $pid
                i=0
                while [ $i -lt 400 ]; do
                    for level in {levels}; do echo pull-$level >&3; done
                    i=$((i + 1))
                done
                kill -CONT $pid
                shows leds {shown}"
            ),
        );
    }
    // A contact that changes its level after 41 bounces.
    shell(
        &machine,
        "exec 3>$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull)
        try=0
        while [ $try -lt 25 ]; do
            for last in down up; do
                [ $last = up ] && first=down level=1 || { first=up; level=0; }
                i=0
                while [ $i -lt 20 ]; do
                    echo pull-$last >&3
                    echo pull-$first >&3
                    i=$((i + 1))
                done
                echo pull-$last >&3
                shows leds $level
            done
            try=$((try + 1))
        done
        echo pull-down >&3
        shows leds 0",
    );
    shell(&machine, "end; remove leds");
}

#[test]
fn an_led_and_clients_are_correct_after_each_bounce() {
    let machine = lock(&MACHINE);
    door(&machine, Action::Up);
    shell(&machine, "chip leds leds");
    let config = "[[output]]\nchip = \"leds\"\nline = 3\nfollow.label = \"door\"";
    let _agent = Agent::start(&machine, config);
    let mut client = client(&machine);
    let buttons = machine.buttons().unwrap();
    let [door, button] = ["door", "button"].map(|line| buttons.line(line).unwrap());
    let mut last = 0;
    let mut wrong = Vec::new();
    for attempt in 1..=50 {
        let value = attempt % 2;
        // 41 edges, faster than the kernel handles interrupts.
        let levels: Vec<_> = (0..41).map(|edge| (edge + value) % 2 == 1).collect();
        buttons.set(door, &levels).unwrap();
        // Both lines share an interrupt: the button's second event follows all events of the door.
        for action in [Action::Down, Action::Up] {
            buttons.act(button, action).unwrap();
            loop {
                let event = client.event(TIMEOUT).unwrap();
                if event.line == button.number {
                    break;
                }
                last = event.value;
            }
        }
        if last != value {
            wrong.push(attempt);
        }
        shell(&machine, &format!("shows leds {value}"));
    }
    assert!(wrong.is_empty(), "wrong in {wrong:?}");
    shell(&machine, "end; remove leds");
}

#[test]
fn an_led_is_restored_with_its_chip() {
    let machine = lock(&MACHINE);
    door(&machine, Action::Up);
    shell(&machine, "chip leds leds");
    let config = "[[output]]\nchip = \"leds\"\nline = 3\nfollow.label = \"door\"";
    let _agent = Agent::start(&machine, config);
    shell(
        &machine,
        "logged 'opened it output=\"leds-3\"'; echo 0 >$configfs/leds/live",
    );
    // The agent notices the removal without setting the line.
    shell(&machine, "logged 'its chip was removed'");
    door(&machine, Action::Down);
    shell(
        &machine,
        "sleep 1
        echo 1 >$configfs/leds/live
        shows leds 1
        logged 'opened it again'",
    );
    door(&machine, Action::Up);
    let count = shell(&machine, "shows leds 0; count 'output=\"leds-3\"'");
    // Opened, lost, opened.
    assert_eq!(count, "3\n", "{}", sh(&machine, "cat /tmp/agent.log"));
    shell(&machine, "end; remove leds");
}

#[test]
fn lines_and_chips_may_appear_after_the_agent_starts() {
    let machine = lock(&MACHINE);
    door(&machine, Action::Down);
    let config = "[[output]]\nline = \"late\"\nfollow.label = \"door\"";
    let _agent = Agent::start(&machine, config);
    shell(
        &machine,
        "logged 'ERROR no line is named `late`'
        chip leds leds late
        shows leds 1",
    );
    door(&machine, Action::Up);
    shell(&machine, "shows leds 0; end; remove leds");
}

#[test]
fn orders_switch_an_output() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip leds leds");
    let config = format!(
        "{ORDERS}[[output]]\nname = \"lamp\"\nchip = \"leds\"\nline = 3\nactive-low = true
[[output]]\nname = \"follower\"\nchip = \"leds\"\nline = 4\nfollow.label = \"door\""
    );
    let _agent = Agent::start(&machine, &config);
    // An order takes effect before the client gets its answer.
    shell(
        &machine,
        "logged 'opened it output=\"lamp\"'
        is() { [ $(cat $(of leds value)) = $1 ]; }
        is 1
        order lamp on; is 0
        order lamp toggle; is 1
        order lamp toggle; is 0
        order lamp off; is 1
        # The client does not wait for the end of a pulse. The next order replaces this one.
        order lamp pulse --time 1h; is 0
        order lamp pulse --time 300ms
        shows leds 1",
    );
    let refused = shell(
        &machine,
        "order follower on 2>&1 || true
        order lump on 2>&1 || true
        echo 0 >$configfs/leds/live
        logged 'its chip was removed'
        order lamp on 2>&1 || true
        echo 1 >$configfs/leds/live
        shows leds 1",
    );
    for sentence in [
        "the output `follower` follows the line `door`, which alone controls it",
        "no output `lump`; there are: follower, lamp",
        "the output `lamp` is unavailable: its chip was removed",
    ] {
        assert!(refused.contains(sentence), "{refused}");
    }
    shell(&machine, "end; remove leds");
}

#[test]
fn ambiguous_and_busy_lines_are_named() {
    let machine = lock(&MACHINE);
    shell(
        &machine,
        "chip one twins; chip two twins; chip leds leds only",
    );
    let config = "[[output]]\nname = \"a\"\nchip = \"twins\"\nline = 0
[[output]]\nname = \"b\"\nline = \"green\"
[[output]]\nname = \"c\"\nline = \"only\"\nblink.on = \"1s\"
[[output]]\nname = \"d\"\nchip = \"leds\"\nline = 3";
    let _agent = Agent::start(&machine, config);
    shell(
        &machine,
        "one=$(device one) two=$(device two)
        logged \"several chips have the label .twins.: \\($one, $two\\|$two, $one\\); give the path of one as .chip.\"
        logged \"several lines are named .green.: line 3 of \\($one, line 3 of $two\\|$two, line 3 of $one\\)\"
        logged '(`mypoll-agent: [cd]` has it)'
        # A link does not count as a second chip.
        remove two
        ln -s $one /dev/gpiochip-alias
        logged 'opened it output=\"a\"'
        logged 'opened it output=\"b\"'
        rm /dev/gpiochip-alias
        end
        remove one leds",
    );
}

#[test]
fn a_reload_frees_a_line_before_another_output_opens_it() {
    let machine = lock(&MACHINE);
    shell(&machine, "chip leds leds");
    let output = |name: &str| format!("[[output]]\nname = \"{name}\"\nchip = \"leds\"\nline = 3\n");
    let _agent = Agent::start(&machine, &format!("{ORDERS}{}", output("one")));
    let log = shell(
        &machine,
        "logged 'opened it output=\"one\"'
        order one on
        shows leds 1
        sed -i 's/\"one\"/\"other\"/' /tmp/agent.toml
        kill -HUP $(cat /run/mypoll-agent.pid)
        logged 'opened it output=\"other\"'
        shows leds 0
        order other on
        shows leds 1
        order one on && exit 1
        cat /tmp/agent.log
        end
        remove leds",
    );
    assert!(!log.contains("ERROR"), "{log}");
}
