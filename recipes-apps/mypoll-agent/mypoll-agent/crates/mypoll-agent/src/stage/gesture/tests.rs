// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gestures of one line, in tables.

use std::time::Duration;

use super::*;
use crate::{config as file, lines::Target};

const MS: u64 = 1_000_000;

fn config() -> Config {
    Config {
        line: Target::Number(0),
        click: Duration::from_millis(500),
        double_click: Duration::from_millis(300),
        long_press: Duration::from_millis(500),
        repeat: None,
        clicks: 3,
    }
}

/// An input.
#[derive(Clone, Copy, Debug)]
enum Step {
    Down(u64),
    Up(u64),
    Level(u64, Option<bool>),
    Forget(u64),
    UseUp(u64),
    End(u64),
}
use Step::{Down, End, Forget, Level, Up, UseUp};

/// A derived event: kind, value, time in milliseconds.
type Follows = (Kind, u32, u64);

fn run(config: &Config, steps: &[Step]) -> Vec<Follows> {
    let mut gesture = Gesture::new(config);
    let mut out = Vec::new();
    for step in steps {
        let (Down(at) | Up(at) | Level(at, _) | Forget(at) | UseUp(at) | End(at)) = *step;
        let at = at * MS;
        gesture.advance(at, &mut out);
        match *step {
            Down(_) => gesture.edge(true, at, &mut out),
            Up(_) => gesture.edge(false, at, &mut out),
            Level(_, level) => gesture.level(level, at, &mut out),
            Forget(_) => gesture.forget(at, &mut out),
            UseUp(_) => gesture.use_up(&mut out),
            End(_) => gesture.end(at, &mut out),
        }
    }
    gesture.advance(u64::MAX / 2, &mut out);
    out.iter()
        .map(|found| (found.kind, found.value, found.at / MS))
        .collect()
}

#[test]
fn presses_become_gestures() {
    let slow = Config {
        click: Duration::from_millis(200),
        ..config()
    };
    let one = Config {
        clicks: 1,
        ..config()
    };
    let two = Config {
        clicks: 2,
        ..config()
    };
    let tables: &[(&str, &Config, &[Step], &[Follows])] = &[
        (
            "a click",
            &config(),
            &[Down(100), Up(200)],
            &[(Kind::CLICK, 1, 200)],
        ),
        (
            "the longest click and the shortest long press",
            &config(),
            &[Down(0), Up(499), Down(1000), Up(1500)],
            &[
                (Kind::CLICK, 1, 499),
                (Kind::LONG_PRESS, 500, 1500),
                (Kind::RELEASE, 500, 1500),
            ],
        ),
        (
            "the longest gap of a double-click",
            &config(),
            &[Down(0), Up(100), Down(399), Up(500)],
            &[(Kind::DOUBLE_CLICK, 2, 500)],
        ),
        (
            "two clicks",
            &config(),
            &[Down(0), Up(100), Down(400), Up(500)],
            &[(Kind::CLICK, 1, 100), (Kind::CLICK, 1, 500)],
        ),
        (
            "a triple click, and a click",
            &config(),
            &[
                Down(0),
                Up(9),
                Down(10),
                Up(19),
                Down(20),
                Up(29),
                Down(30),
                Up(39),
            ],
            &[(Kind::TRIPLE_CLICK, 3, 29), (Kind::CLICK, 1, 39)],
        ),
        (
            "clicks that are not counted further",
            &two,
            &[Down(0), Up(9), Down(10), Up(19), Down(20), Up(29)],
            &[(Kind::DOUBLE_CLICK, 2, 19), (Kind::CLICK, 1, 29)],
        ),
        (
            "clicks that are not counted",
            &one,
            &[Down(0), Up(9), Down(10), Up(19)],
            &[(Kind::CLICK, 1, 9), (Kind::CLICK, 1, 19)],
        ),
        (
            "a click and a long press",
            &config(),
            &[Down(0), Up(100), Down(200), Up(900)],
            &[
                (Kind::CLICK, 1, 100),
                (Kind::LONG_PRESS, 500, 700),
                (Kind::RELEASE, 700, 900),
            ],
        ),
        (
            "a press between a click and a long one is neither",
            &slow,
            &[Down(0), Up(100), Down(200), Up(450), Down(1000), Up(1200)],
            &[(Kind::CLICK, 1, 100)],
        ),
        (
            "a contact that bounces without being debounced",
            &config(),
            &[Down(0), Down(1), Up(100), Up(101)],
            &[(Kind::CLICK, 1, 100)],
        ),
    ];
    for (name, config, steps, expected) in tables {
        assert_eq!(run(config, steps), *expected, "{name}");
    }
}

#[test]
fn unknown_states_produce_no_gesture() {
    let tables: &[(&str, &[Step], &[Follows])] = &[
        ("active at the start", &[Level(0, Some(true)), Up(100)], &[]),
        (
            "a press after that",
            &[Level(0, Some(true)), Up(100), Down(200), Up(300)],
            &[(Kind::CLICK, 1, 300)],
        ),
        ("a release alone", &[Up(100)], &[]),
        ("a loss in a press", &[Down(0), Forget(50), Up(100)], &[]),
        ("a loss after a click", &[Down(0), Up(50), Forget(60)], &[]),
        (
            "a loss after a click, and a click",
            &[Down(0), Up(50), Forget(60), Down(70), Up(80)],
            &[(Kind::CLICK, 1, 80)],
        ),
        (
            "a loss in a long press ends it",
            &[Down(0), Forget(700), Up(800)],
            &[(Kind::LONG_PRESS, 500, 500), (Kind::RELEASE, 700, 700)],
        ),
        (
            "a level without an edge",
            &[Down(0), Level(50, Some(false)), Down(60), Up(70)],
            &[(Kind::CLICK, 1, 70)],
        ),
        (
            "the line is removed in a long press",
            &[Down(0), Level(600, None), Up(700)],
            &[(Kind::LONG_PRESS, 500, 500), (Kind::RELEASE, 600, 600)],
        ),
        (
            "a press that is part of a chord",
            &[
                Down(0),
                Up(10),
                Down(20),
                UseUp(30),
                Up(900),
                Down(1000),
                Up(1010),
            ],
            &[(Kind::CLICK, 1, 10), (Kind::CLICK, 1, 1010)],
        ),
        (
            "the agent ends after a click",
            &[Down(0), Up(10), End(20)],
            &[(Kind::CLICK, 1, 10)],
        ),
        ("the agent ends in a press", &[Down(0), End(20)], &[]),
        (
            "the agent ends in a long press",
            &[Down(0), End(600)],
            &[(Kind::LONG_PRESS, 500, 500), (Kind::RELEASE, 600, 600)],
        ),
    ];
    for (name, steps, expected) in tables {
        assert_eq!(run(&config(), steps), *expected, "{name}");
    }
}

#[test]
fn a_long_press_repeats_until_it_ends() {
    let config = Config {
        repeat: Some(Duration::from_millis(100)),
        ..config()
    };
    assert_eq!(
        run(&config, &[Down(0), Up(799)]),
        [
            (Kind::LONG_PRESS, 500, 500),
            (Kind::REPEAT, 1, 600),
            (Kind::REPEAT, 2, 700),
            (Kind::RELEASE, 799, 799),
        ]
    );
    // A press of an hour that is reported at once yields only the last repeats, each with its number.
    let hour = run(&config, &[Down(0), Up(3_600_000)]);
    assert_eq!(hour.len() as u64, OVERDUE + 2);
    assert_eq!(hour[1], (Kind::REPEAT, 35995 - 63, 3_600_000 - 6300));
    assert_eq!(hour[64], (Kind::REPEAT, 35995, 3_600_000));
}

#[test]
fn impossible_times_are_harmless() {
    let config = Config {
        repeat: Some(Duration::from_millis(10)),
        ..config()
    };
    let mut gesture = Gesture::new(&config);
    let mut out = Vec::new();
    for at in [u64::MAX, 0, 5, u64::MAX, 1, u64::MAX - 1] {
        gesture.advance(at, &mut out);
        gesture.edge(true, at, &mut out);
        gesture.advance(u64::MAX, &mut out);
        gesture.edge(false, at, &mut out);
    }
    assert!(out.len() < 1000);
}

fn rejection(keys: &str) -> String {
    let text = format!("[[gesture]]\nlabel = 'button'\n{keys}");
    file::Config::parse("a.toml".as_ref(), &text)
        .unwrap_err()
        .to_string()
}

#[test]
fn defaults_are_as_documented() {
    let parse = |text: &str| {
        file::Config::parse("a.toml".as_ref(), text)
            .unwrap()
            .gesture
    };
    assert_eq!(parse("[[gesture]]\nline = 0"), [config()]);
    let [slow] = &parse("[[gesture]]\nline = 0\nlong-press = '1s'")[..] else {
        panic!("one section");
    };
    assert_eq!(slow.click, slow.long_press);
    let text = "[[gesture]]\nlabel = 'door'\nclick = '100ms'\ndouble-click = '200ms'\nlong-press = '1s'\n\
                repeat = '50ms'\nclicks = 2";
    assert_eq!(
        parse(text),
        [Config {
            line: Target::Label("door".to_owned()),
            click: Duration::from_millis(100),
            double_click: Duration::from_millis(200),
            long_press: Duration::from_secs(1),
            repeat: Some(Duration::from_millis(50)),
            clicks: 2,
        }]
    );
}

#[test]
fn invalid_values_are_refused_with_the_expected_form() {
    let time = r#"expected a duration from "10ms" to "1h""#;
    for (keys, complaint) in [
        (
            "click = '600ms'",
            "1: gesture[0]: `click` 600ms is longer than `long-press` 500ms: \
             expected a `click` of at most 500ms"
                .to_owned(),
        ),
        (
            "click = '9ms'",
            format!("3: gesture[0].click: invalid value: string \"9ms\", {time}"),
        ),
        (
            "double-click = '0s'",
            format!("3: gesture[0].double-click: invalid value: string \"0s\", {time}"),
        ),
        (
            "long-press = 500",
            format!("3: gesture[0].long-press: invalid type: integer `500`, {time}"),
        ),
        (
            "repeat = '2h'",
            format!(
                "3: gesture[0].repeat: invalid value: string \"2h\", {time}, or \"0s\" for never"
            ),
        ),
        (
            "clicks = 4",
            "3: gesture[0].clicks: invalid value: integer `4`, expected a whole number from 1 to 3"
                .to_owned(),
        ),
        (
            "line = 1",
            "1: gesture[0]: both `line` and `label` are given, expected one".to_owned(),
        ),
        (
            "hold = '1s'",
            "3: gesture[0].hold: unknown field `hold`, expected one of `line`, `label`, `click`, \
             `double-click`, `long-press`, `repeat`, `clicks`"
                .to_owned(),
        ),
        (
            "[[gesture]]\nline = 0\n[[gesture]]\nlabel = 'button'",
            "5: gesture[2]: gesture[0] already uses the line `button`, \
             expected one section per line"
                .to_owned(),
        ),
    ] {
        assert_eq!(rejection(keys), format!("a.toml:{complaint}"));
    }
    assert_eq!(
        file::Config::parse("a.toml".as_ref(), "[[gesture]]")
            .unwrap_err()
            .to_string(),
        "a.toml:1: gesture[0]: neither `line` nor `label` is given, expected one"
    );
}
