// SPDX-License-Identifier: GPL-2.0-only

use crate::clock::Clock;
use crate::event::{Kind, Source};
use crate::queue::ring::Overflow;
use crate::queue::settings::Settings;
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
    for kind in Kind::ALL {
        assert!(settings.filter.takes_kind(kind));
    }
    assert!(settings.takes_trigger());
    assert!(settings.filter.lines().is_none());
}

#[test]
fn limits_are_accepted_and_values_beyond_them_are_not() {
    let valid: [fn(&mut Config); 8] = [
        |config| config.capacity = 1,
        |config| config.capacity = uapi::CAPACITY_MAX,
        |config| config.watermark_events = uapi::CAPACITY_DEFAULT,
        |config| config.watermark_us = uapi::WATERMARK_US_MAX,
        |config| config.overflow = uapi::OVERFLOW_DROP_OLDEST,
        |config| config.clock = uapi::CLOCK_BOOTTIME,
        |config| config.sources = 0b1110,
        |config| config.kinds = 0b111_1110,
    ];
    for change in valid {
        assert!(settings(change).is_some());
    }
    let invalid: [fn(&mut Config); 12] = [
        |config| config.capacity = uapi::CAPACITY_MAX + 1,
        |config| config.watermark_events = uapi::CAPACITY_DEFAULT + 1,
        |config| config.watermark_us = uapi::WATERMARK_US_MAX + 1,
        |config| config.overflow = 2,
        |config| config.clock = 3,
        |config| config.sources = 1,
        |config| config.sources = 1 << 4,
        |config| config.flags = 1,
        |config| config.kinds = 1,
        |config| config.kinds = 1 << 7,
        |config| config.kinds = 1 << 31 | 1 << uapi::KIND_TICK,
        |config| (config.capacity, config.watermark_events) = (3, 4),
    ];
    for change in invalid {
        assert!(settings(change).is_none());
    }
}

#[test]
fn a_filter_accepts_its_sources_and_lines() {
    let filter = settings(|config| {
        config.sources = 1 << uapi::SOURCE_TIMER | 1 << uapi::SOURCE_GPIO;
        config.lines[0] = 1 << 5;
        config.lines[15] = 1 << 63;
    })
    .unwrap()
    .filter;
    assert!(!filter.takes_source(Source::Manual));
    assert!(filter.takes_source(Source::Timer), "lines are the GPIO's");
    assert!(filter.takes_source(Source::Gpio));
    assert_eq!(filter.lines().unwrap().collect::<Vec<_>>(), [5, 1023]);
}

#[test]
fn a_filter_accepts_its_kinds() {
    for only in Kind::ALL {
        let settings = settings(|config| config.kinds = 1 << only as u32).unwrap();
        for kind in Kind::ALL {
            assert_eq!(settings.filter.takes_kind(kind), kind == only);
        }
        for source in Source::ALL {
            assert!(settings.filter.takes_source(source));
        }
    }
}

#[test]
fn a_trigger_matches_by_its_source_and_its_kind() {
    for (sources, kinds, taken) in [
        (1 << uapi::SOURCE_MANUAL, 0, true),
        (0, 1 << uapi::KIND_TRIGGER, true),
        (1 << uapi::SOURCE_GPIO, 0, false),
        (0, 1 << uapi::KIND_RISING, false),
        (1 << uapi::SOURCE_MANUAL, 1 << uapi::KIND_TICK, false),
        (1 << uapi::SOURCE_TIMER, 1 << uapi::KIND_TRIGGER, false),
    ] {
        let settings = settings(|config| (config.sources, config.kinds) = (sources, kinds));
        assert_eq!(settings.unwrap().takes_trigger(), taken);
    }
}

#[test]
fn kinds_and_sources_have_the_numbers_of_the_header_file() {
    let sources = [uapi::SOURCE_MANUAL, uapi::SOURCE_TIMER, uapi::SOURCE_GPIO];
    assert_eq!(Source::ALL.map(|source| source as u16), sources);
    let kinds = [
        uapi::KIND_TRIGGER,
        uapi::KIND_TICK,
        uapi::KIND_RISING,
        uapi::KIND_FALLING,
        uapi::KIND_REMOVED,
        uapi::KIND_ADDED,
    ];
    assert_eq!(Kind::ALL.map(|kind| kind as u16), kinds);
}
