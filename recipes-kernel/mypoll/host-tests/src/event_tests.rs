// SPDX-License-Identifier: GPL-2.0-only

use crate::event::{Event, Kind, Record, Source, LINE_MAX};

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
    for (active, value) in [(true, 1), (false, 0)] {
        assert_eq!(
            line(31, 0, Event::added(10, 2, active)),
            format!(
                "event=31 source=gpio kind=added line=2 value={value} lost=0 timestamp_ns=10\n"
            )
        );
    }
}

#[test]
fn the_line_sequence_is_not_in_the_text() {
    let mut event = Event::added(0, 0, true);
    let text = line(1, 0, event);
    event.line_sequence = 77;
    assert_eq!(line(1, 0, event), text);
}

#[test]
fn the_longest_line_fits_its_buffer() {
    for source in Source::ALL {
        for kind in Kind::ALL {
            let event = Event {
                timestamp_ns: u64::MAX,
                source,
                kind,
                line: u32::MAX,
                value: u32::MAX,
                line_sequence: u32::MAX,
            };
            assert!(line(u32::MAX, u32::MAX, event).len() <= LINE_MAX);
        }
    }
}
