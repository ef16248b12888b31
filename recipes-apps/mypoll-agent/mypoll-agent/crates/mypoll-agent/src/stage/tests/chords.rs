// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines that become active together.

use super::*;

const DOWN: Kind = Kind::RISING;
const UP: Kind = Kind::FALLING;

const TWO: &str = "[[gesture]]\nline = 0\n[[gesture]]\nlabel = 'right'\n\
                   [[chord]]\nlines = ['right', 0]\n[[chord]]\nlines = ['middle', 0]\nwithin = '1s'\n";

#[test]
fn lines_that_become_active_together_are_a_chord_and_nothing_else() {
    let tables: &[(&str, &[Step], &[Follows])] = &[
        (
            "together",
            &[(DOWN, 0, 0), (DOWN, 2, 99), (UP, 0, 150), (UP, 2, 160)],
            &[(Kind::CHORD, 2, 0, 99)],
        ),
        (
            "held for long",
            &[(DOWN, 2, 0), (DOWN, 0, 50), (UP, 0, 5000), (UP, 2, 5000)],
            &[(Kind::CHORD, 2, 0, 50)],
        ),
        (
            "too late",
            &[(DOWN, 0, 0), (DOWN, 2, 100), (UP, 0, 150), (UP, 2, 160)],
            &[(Kind::CLICK, 0, 1, 150), (Kind::CLICK, 2, 1, 160)],
        ),
        (
            "one after another",
            &[(DOWN, 0, 0), (UP, 0, 10), (DOWN, 2, 20), (UP, 2, 30)],
            &[(Kind::CLICK, 0, 1, 10), (Kind::CLICK, 2, 1, 30)],
        ),
        (
            "after a click of one of them",
            &[
                (DOWN, 0, 0),
                (UP, 0, 10),
                (DOWN, 0, 20),
                (DOWN, 2, 30),
                (UP, 0, 40),
                (UP, 2, 50),
            ],
            &[(Kind::CLICK, 0, 1, 10), (Kind::CHORD, 2, 0, 30)],
        ),
        (
            "a line that is in a chord already",
            &[
                (DOWN, 0, 0),
                (DOWN, 2, 10),
                (DOWN, 1, 20),
                (UP, 0, 30),
                (UP, 1, 30),
                (UP, 2, 30),
            ],
            &[(Kind::CHORD, 2, 0, 10)],
        ),
        (
            "twice",
            &[
                (DOWN, 0, 0),
                (DOWN, 2, 0),
                (UP, 2, 50),
                (DOWN, 2, 60),
                (UP, 0, 70),
                (DOWN, 0, 80),
                (UP, 2, 90),
                (UP, 0, 90),
            ],
            &[(Kind::CHORD, 2, 0, 0), (Kind::CHORD, 2, 0, 80)],
        ),
        (
            "a long press is in no chord, however long `within` is",
            &[(DOWN, 0, 0), (DOWN, 1, 500), (UP, 0, 600), (UP, 1, 600)],
            &[
                (Kind::LONG_PRESS, 0, 500, 500),
                (Kind::RELEASE, 0, 600, 600),
            ],
        ),
        (
            "the second chord",
            &[(DOWN, 0, 0), (DOWN, 1, 499), (UP, 0, 600), (UP, 1, 600)],
            &[(Kind::CHORD, 1, 1, 499)],
        ),
    ];
    for (name, steps, expected) in tables {
        // At once, and one by one.
        let mut bench = Bench::new(TWO);
        let mut found = bench.take(steps, 10_000);
        found.extend(bench.wait(20_000));
        assert_eq!(found, *expected, "{name}");
        let mut bench = Bench::new(TWO);
        let mut found = Vec::new();
        for step in *steps {
            found.extend(bench.wait(step.2));
            found.extend(bench.take(&[*step], step.2));
        }
        found.extend(bench.wait(20_000));
        found.sort_by_key(|found| found.3);
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn unknown_states_produce_no_chord() {
    let mut bench = Bench::new(TWO);
    let mut level = event((Kind::LEVEL, 0, 0));
    level.reading.value = 1;
    let lines = bench.lines.clone();
    assert_eq!(bench.stages.take(&[level], false, &lines, 0), []);
    assert_eq!(bench.take(&[(DOWN, 2, 10)], 10), []);
    bench.take(&[(UP, 0, 20), (UP, 2, 20)], 20);
    let mut lost = event((DOWN, 2, 60));
    lost.reading.lost = 1;
    bench.take(&[(DOWN, 0, 50)], 50);
    assert_eq!(bench.stages.take(&[lost], false, &lines, 60 * MS), []);
}

#[test]
fn one_line_under_two_names_waits() {
    let bench = Bench::new(
        "[[chord]]\nlines = ['left', 0]\n[[gesture]]\nline = 0\n[[gesture]]\nlabel = 'left'",
    );
    assert_eq!(
        bench.waiting(),
        [
            ("chord left+0", "line 0 is the same line as another entry"),
            (
                "gesture left",
                "the line `left` already has another section"
            ),
        ]
        .map(|(part, reason)| (part.to_owned(), reason.to_owned()))
    );
}

#[test]
fn invalid_values_are_refused_with_the_expected_form() {
    for (keys, complaint) in [
        (
            "lines = ['a']",
            "1: chord[0]: `lines` has 1, expected 2 to 16 lines",
        ),
        (
            "lines = []",
            "1: chord[0]: `lines` has 0, expected 2 to 16 lines",
        ),
        ("", "1: chord[0]: missing field `lines`"),
        (
            "lines = ['a', 3, 'a']",
            "1: chord[0]: `lines` has the line `a` twice, expected each line once",
        ),
        (
            "lines = [1024, 0]",
            "2: chord[0].lines[0]: invalid value: integer `1024`, \
             expected the number of a line from 0 to 1023, or its label",
        ),
        (
            "lines = ['a', '']",
            "2: chord[0].lines[1]: invalid value: string \"\", \
             expected the number of a line from 0 to 1023, or its label",
        ),
        (
            "lines = ['a', 'b']\nwithin = '0s'",
            "3: chord[0].within: invalid value: string \"0s\", expected a duration from \"10ms\" to \"1h\"",
        ),
        (
            "lines = ['a', 'b']\nlabel = 'a'",
            "3: chord[0].label: unknown field `label`, expected `lines` or `within`",
        ),
        (
            "lines = ['a', 'b']\n[[chord]]\nlines = ['c', 'b', 'a']",
            "3: chord[1]: the smaller of this and chord[0] would always come first, \
             expected lines that are not all in another chord",
        ),
    ] {
        let error = Config::parse("a.toml".as_ref(), &format!("[[chord]]\n{keys}"));
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("a.toml:{complaint}")
        );
    }
}
