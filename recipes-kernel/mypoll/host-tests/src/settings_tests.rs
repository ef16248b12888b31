// SPDX-License-Identifier: GPL-2.0-only

use crate::abstractions::ring::Overflow;
use crate::event::{Event, Source};
use crate::settings::{Clock, Settings};
use crate::uapi::{self, Config};

fn settings(change: impl FnOnce(&mut Config)) -> Option<Settings> {
    let mut config = Config::default();
    change(&mut config);
    Settings::new(&config)
}

#[test]
fn zeroes_are_the_defaults() {
    let settings = settings(|_| {}).unwrap();
    assert_eq!(settings.capacity, uapi::CAPACITY_DEFAULT);
    assert_eq!(settings.overflow, Overflow::DropNewest);
    assert_eq!(settings.clock, Clock::Monotonic);
    assert_eq!(settings.watermark_events, 1);
    assert_eq!(settings.watermark_us, None);
    for source in Source::ALL {
        assert!(settings.filter.takes_source(source));
    }
    assert!(settings.filter.takes(&Event::edge(0, 1023, true)));
    assert!(settings.filter.lines().is_none());
}

#[test]
fn limits_are_taken_and_what_is_beyond_them_is_not() {
    let valid: [fn(&mut Config); 7] = [
        |config| config.capacity = 1,
        |config| config.capacity = uapi::CAPACITY_MAX,
        |config| config.watermark_events = uapi::CAPACITY_DEFAULT,
        |config| config.watermark_us = uapi::WATERMARK_US_MAX,
        |config| config.overflow = uapi::OVERFLOW_DROP_OLDEST,
        |config| config.clock = uapi::CLOCK_BOOTTIME,
        |config| config.sources = 0b1110,
    ];
    for change in valid {
        assert!(settings(change).is_some());
    }
    let invalid: [fn(&mut Config); 9] = [
        |config| config.capacity = uapi::CAPACITY_MAX + 1,
        |config| config.watermark_events = uapi::CAPACITY_DEFAULT + 1,
        |config| config.watermark_us = uapi::WATERMARK_US_MAX + 1,
        |config| config.overflow = 2,
        |config| config.clock = 3,
        |config| config.sources = 1,
        |config| config.sources = 1 << 4,
        |config| config.flags = 1,
        |config| config.reserved = 1,
    ];
    for change in invalid {
        assert!(settings(change).is_none());
    }
}

#[test]
fn a_filter_takes_its_sources_and_lines() {
    let filter = settings(|config| {
        config.sources = 1 << uapi::SOURCE_TIMER | 1 << uapi::SOURCE_GPIO;
        config.lines[0] = 1 << 5;
        config.lines[15] = 1 << 63;
    })
    .unwrap()
    .filter;
    assert!(!filter.takes(&Event::trigger(0)));
    assert!(filter.takes(&Event::tick(0, 1)), "lines are the GPIO's");
    for (line, taken) in [
        (5, true),
        (4, false),
        (1023, true),
        (959, false),
        (1024, false),
    ] {
        assert_eq!(filter.takes(&Event::edge(0, line, true)), taken, "{line}");
    }
    assert_eq!(filter.lines().unwrap().collect::<Vec<_>>(), [5, 1023]);
}
