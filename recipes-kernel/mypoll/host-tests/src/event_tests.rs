// SPDX-License-Identifier: GPL-2.0-only

use crate::event::{Event, Record, LINE_MAX};

fn line(sequence: u32, lost: u32, event: Event) -> String {
    Record {
        sequence,
        lost,
        event,
    }
    .to_string()
}

#[test]
fn each_source_has_its_line() {
    assert_eq!(
        line(26, 0, Event::trigger(5)),
        "event=26 source=manual kind=trigger line=0 value=0 lost=0 timestamp_ns=5\n"
    );
    assert_eq!(
        line(27, 3, Event::tick(6, 2)),
        "event=27 source=timer kind=tick line=0 value=2 lost=3 timestamp_ns=6\n"
    );
    assert_eq!(
        line(28, 0, Event::edge(7, 1, true)),
        "event=28 source=gpio kind=rising line=1 value=1 lost=0 timestamp_ns=7\n"
    );
    assert_eq!(
        line(29, 0, Event::edge(8, 1, false)),
        "event=29 source=gpio kind=falling line=1 value=0 lost=0 timestamp_ns=8\n"
    );
    assert_eq!(
        line(30, 0, Event::removed(9, 1)),
        "event=30 source=gpio kind=removed line=1 value=0 lost=0 timestamp_ns=9\n"
    );
}

#[test]
fn the_longest_line_fits_its_buffer() {
    let mut event = Event::trigger(u64::MAX);
    (event.line, event.value) = (u32::MAX, u32::MAX);
    assert!(line(u32::MAX, u32::MAX, event).len() <= LINE_MAX);
}
