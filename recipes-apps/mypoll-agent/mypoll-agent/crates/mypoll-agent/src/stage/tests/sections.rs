// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines and sections that are added and removed.

use super::*;

const HELD: [Step; 1] = [(Kind::RISING, 1, 0)];

#[test]
fn a_reload_keeps_the_state_of_unchanged_sections() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'");
    bench.take(&HELD, 0);
    let more = "[[gesture]]\nlabel = 'left'\n[[watchdog]]\nline = 0\nactive = '1s'\n\
                [[gesture]]\nlabel = 'middle'";
    assert_eq!(bench.change(more, 300), []);
    assert_eq!(bench.wait(600), [(Kind::LONG_PRESS, 1, 500, 500)]);
    // A removed section ends its gesture.
    assert_eq!(bench.change("", 700), [(Kind::RELEASE, 1, 700, 700)]);
    assert!(bench.stages.is_empty());
    assert_eq!(bench.status.conditions(), []);
}

#[test]
fn a_section_added_while_its_line_is_active_waits_for_the_next_press() {
    let mut bench = Bench::new("");
    let mut active = bench.lines.get(1).unwrap().clone();
    active.active = Some(true);
    bench.lines = [active].into_iter().collect();
    let config = "[[gesture]]\nlabel = 'middle'\n[[watchdog]]\nlabel = 'middle'\nactive = '1s'";
    bench.change(config, 100);
    assert_eq!(bench.wait(2000), [(Kind::ACTIVE_TOO_LONG, 1, 1000, 1100)]);
    let found = bench.take(&[(Kind::FALLING, 1, 2000)], 2000);
    assert_eq!(found, [(Kind::RECOVERED, 1, 900, 2000)]);
}

#[test]
fn removing_a_line_ends_its_long_press_and_waits_for_the_line() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'");
    bench.take(&HELD, 0);
    bench.wait(600);
    let removed = event((Kind::REMOVED, 1, 600));
    bench.lines.apply(&removed.reading);
    let found = bench.take(&[(Kind::REMOVED, 1, 600)], 600);
    assert_eq!(found, [(Kind::RELEASE, 1, 600, 600)]);
    let reason = "the line `middle` is missing".to_owned();
    assert_eq!(bench.waiting(), [("gesture middle".to_owned(), reason)]);
    // It returns with another number.
    let lines = lines(&["left", "right", "top", "middle"]);
    assert_eq!(bench.stages.take(&[], true, &lines, 700 * MS), []);
    assert_eq!(bench.waiting(), []);
    bench.take(&[(Kind::RISING, 3, 800), (Kind::FALLING, 3, 900)], 900);
    assert_eq!(bench.wait(2000), [(Kind::CLICK, 3, 1, 900)]);
}

#[test]
fn reading_the_lines_derives_no_events() {
    let mut bench = Bench::new("[[gesture]]\nlabel = 'middle'\n[[chord]]\nlines = [0, 1]");
    bench.take(&HELD, 0);
    let lines = bench.lines.clone();
    // The driver may have been unloaded in between.
    assert_eq!(bench.stages.take(&[], true, &lines, 50 * MS), []);
    assert_eq!(bench.take(&[(Kind::RISING, 0, 60)], 60), []);
    assert_eq!(bench.wait(5000), []);
}

#[test]
fn a_line_with_one_edge_has_no_gestures() {
    let mut bench = Bench::new("");
    let mut half = bench.lines.get(1).unwrap().clone();
    half.settings.falling = false;
    bench.lines.describe(&[half]);
    bench.change(
        "[[gesture]]\nline = 1\n[[watchdog]]\nline = 1\nsilent = '1s'",
        0,
    );
    let reason = "line 1 reports no falling edges, and both are needed".to_owned();
    assert_eq!(bench.waiting(), [("gesture 1".to_owned(), reason)]);
    bench.take(&HELD, 0);
    assert_eq!(bench.wait(2000), [(Kind::SILENT, 1, 1000, 1000)]);
}

#[test]
fn the_end_reports_certain_results() {
    let mut bench = Bench::new("[[gesture]]\nline = 0\n[[gesture]]\nline = 1");
    bench.take(&HELD, 0);
    bench.take(&[(Kind::RISING, 0, 500), (Kind::FALLING, 0, 600)], 600);
    bench.wait(620);
    let derived = bench.stages.end(630 * MS);
    assert_eq!(
        plain(&derived),
        [(Kind::CLICK, 0, 1, 600), (Kind::RELEASE, 1, 630, 630)]
    );
}

#[test]
fn invalid_watchdogs_are_refused_with_the_expected_form() {
    for (keys, complaint) in [
        (
            "line = 0",
            "1: watchdog[0]: neither `silent` nor `active` is given, expected one of them or both",
        ),
        (
            "silent = '1s'",
            "1: watchdog[0]: neither `line` nor `label` is given, expected one",
        ),
        (
            "line = 0\nsilent = '0s'",
            "3: watchdog[0].silent: invalid value: string \"0s\", \
             expected a duration above 0 such as \"100ms\", at most \"365days\"",
        ),
        (
            "line = 0\nactive = 5",
            "3: watchdog[0].active: invalid type: integer `5`, \
             expected a duration above 0 such as \"100ms\", at most \"365days\"",
        ),
        (
            "line = 0\nquiet = '1s'",
            "3: watchdog[0].quiet: unknown field `quiet`, \
             expected one of `line`, `label`, `silent`, `active`",
        ),
        (
            "line = 0\nsilent = '1s'\n[[watchdog]]\nline = 0\nactive = '1s'",
            "4: watchdog[1]: watchdog[0] already uses line 0, expected one section per line",
        ),
    ] {
        let error = Config::parse("a.toml".as_ref(), &format!("[[watchdog]]\n{keys}"));
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("a.toml:{complaint}")
        );
    }
}
