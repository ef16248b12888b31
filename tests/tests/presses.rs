// SPDX-License-Identifier: MIT OR Apache-2.0
//! Presses from outside the guest, received by clients outside the guest.

use std::sync::{LazyLock, Mutex};

use lab::vm::buttons::Action;
use lab::vm::client::{Client, Event};
use lab::vm::machine::Machine;
use system_tests::{Shared, TIMEOUT, boot, client, clients, lock, sh};

static MACHINE: Shared = LazyLock::new(|| Mutex::new(boot("presses", true)));

fn act(machine: &Machine, line: &str, action: Action) {
    let buttons = machine.buttons().unwrap();
    buttons.act(buttons.line(line).unwrap(), action).unwrap();
}

fn next<const N: usize>(client: &mut Client) -> [Event<'static>; N] {
    [(); N].map(|()| client.event(TIMEOUT).unwrap())
}

/// The fields of an edge except number and time.
fn edge<'a>(event: &'a Event<'_>) -> (&'a str, &'a str, u32, Option<&'a str>, u32, u32) {
    let Event {
        source,
        kind,
        line,
        label,
        value,
        lost,
        ..
    } = event;
    (source, kind, *line, label.as_deref(), *value, *lost)
}

fn assert_in_order(events: &[Event<'_>]) {
    for pair in events.windows(2) {
        assert_eq!(pair[1].event, pair[0].event + 1, "{events:?}");
        assert!(pair[1].timestamp_ns > pair[0].timestamp_ns, "{events:?}");
    }
}

#[test]
fn the_power_key_presses_and_releases_the_button() {
    let machine = lock(&MACHINE);
    let mut client = client(&machine);
    // Line 0 is QEMU's power key, which QMP's system_powerdown presses for 0.1 s. A guest that does not run during that
    // time sees only the release.
    let pressed = (0..5).find_map(|_| {
        act(&machine, "button", Action::Press);
        let [first] = next(&mut client);
        (first.kind != "falling").then_some(first)
    });
    let pressed = pressed.expect("five presses were seen as releases");
    assert_eq!(edge(&pressed), ("gpio", "rising", 0, Some("button"), 1, 0));
    let [released] = next(&mut client);
    assert_eq!(
        edge(&released),
        ("gpio", "falling", 0, Some("button"), 0, 0)
    );
    assert_in_order(&[pressed, released]);
}

#[test]
fn levels_set_over_qtest_arrive_as_edges() {
    let machine = lock(&MACHINE);
    let mut client = client(&machine);
    act(&machine, "door", Action::Down);
    let [down] = next(&mut client);
    assert_eq!(edge(&down), ("gpio", "rising", 1, Some("door"), 1, 0));
    act(&machine, "door", Action::Up);
    let [up] = next(&mut client);
    assert_eq!(edge(&up), ("gpio", "falling", 1, Some("door"), 0, 0));
    assert_in_order(&[down, up]);
}

#[test]
fn setting_the_same_level_is_not_an_edge() {
    let machine = lock(&MACHINE);
    let mut client = client(&machine);
    for (action, kind) in [(Action::Down, "rising"), (Action::Up, "falling")] {
        act(&machine, "door", action);
        assert_eq!(next::<1>(&mut client)[0].kind, kind);
        act(&machine, "door", action);
    }
    // The next events are those of the other button.
    for action in [Action::Down, Action::Up] {
        act(&machine, "button", action);
        assert_eq!(next::<1>(&mut client)[0].line, 0);
    }
}

#[test]
fn edges_of_two_buttons_keep_their_order() {
    let machine = lock(&MACHINE);
    let mut client = client(&machine);
    let mut events = Vec::new();
    for _ in 0..5 {
        for (line, action, edge) in [
            ("button", Action::Down, (0, "rising")),
            ("door", Action::Down, (1, "rising")),
            ("button", Action::Up, (0, "falling")),
            ("door", Action::Up, (1, "falling")),
        ] {
            act(&machine, line, action);
            // Wait for the event: a real contact also holds its level until the interrupt is handled.
            let [event] = next(&mut client);
            assert_eq!((event.line, &*event.kind), edge);
            events.push(event);
        }
    }
    assert_in_order(&events);
}

#[test]
fn a_press_inside_the_guest_arrives_too() {
    let machine = lock(&MACHINE);
    let mut client = client(&machine);
    for level in ["up", "down"] {
        sh(
            &machine,
            &format!(
                "echo pull-{level} >$(echo /sys/devices/platform/gpio-sim/gpiochip*/sim_gpio0/pull)"
            ),
        );
    }
    let events: [_; 2] = next(&mut client);
    assert_eq!(edge(&events[0]), ("gpio", "rising", 2, Some("sim"), 1, 0));
    assert_eq!(edge(&events[1]), ("gpio", "falling", 2, Some("sim"), 0, 0));
}

#[test]
fn three_clients_get_the_same_events() {
    let machine = lock(&MACHINE);
    let mut clients = clients::<3>(&machine);
    let mut events = Vec::new();
    for (line, number) in [("button", 0), ("door", 1), ("button", 0)] {
        for action in [Action::Down, Action::Up] {
            act(&machine, line, action);
            let [one, two, three] = clients.each_mut().map(next::<1>);
            assert_eq!(one, two);
            assert_eq!(one, three);
            assert_eq!(one[0].line, number);
            events.extend(one);
        }
    }
    assert_in_order(&events);
}

#[test]
fn lines_that_cannot_be_pressed_are_an_error() {
    let machine = lock(&MACHINE);
    let buttons = machine.buttons().unwrap();
    let unknown = buttons.line("8").unwrap_err().to_string();
    assert!(
        unknown.starts_with("there is no line \"8\"; there are 0 \"button\", 1 \"door\""),
        "{unknown}"
    );
    let sim = buttons
        .act(buttons.line("sim").unwrap(), Action::Press)
        .unwrap_err()
        .to_string();
    assert!(sim.contains("simulated chip"), "{sim}");
}
