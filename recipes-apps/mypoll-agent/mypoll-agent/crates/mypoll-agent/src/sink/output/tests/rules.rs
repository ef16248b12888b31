// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reactions of outputs to events.

use super::*;

#[tokio::test(start_paused = true)]
async fn it_follows_its_line_and_no_other() {
    for target in ["line = 1", "label = 'door'"] {
        let keys = format!("follow = {{ {target} }}");
        let mut bench = Bench::start(&keys, &[high(), low()]).await;
        for (kind, line) in [
            (Kind::RISING, 0),
            (Kind::TICK, 0),
            (Kind::RISING, 1),
            (Kind::FALLING, 0),
            (Kind::FALLING, 1),
        ] {
            bench.event(kind, line).await;
        }
        bench.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn active_low_inverts_the_level() {
    let keys = "active-low = true\nfollow.line = 1";
    let mut bench = Bench::start(keys, &[low(), high()]).await;
    assert_eq!(*bench.opened.lock().unwrap(), [PinState::High]);
    bench.event(Kind::RISING, 1).await;
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_follows_levels_without_events() {
    let expected = [high(), low(), high(), low()];
    let mut bench = Bench::start("follow.label = 'door'", &expected).await;
    // Read again after a loss.
    bench.lines(&[("button", false), ("door", true)]).await;
    bench.lines(&[("button", false), ("door", false)]).await;
    // The line returns with another number, and disappears.
    bench.lines(&[("door", true)]).await;
    bench.event(Kind::REMOVED, 0).await;
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_it_shows_the_current_level() {
    let mut bench = Bench::start("follow.label = 'door'", &[high(), low()]).await;
    bench.events(&[(Kind::RISING, 1)]).await;
    bench.events(&[(Kind::TICK, 0); 5000]).await;
    let stats = bench.context.journal.stats();
    assert!(stats.first > 4, "no gap: {stats:?}");
    bench.settle().await;
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_blinks_for_the_time_after_the_last_event() {
    let mut bench = Bench::start("blink.on = '100ms'", &[high(), low()]).await;
    bench.event(Kind::TICK, 0).await;
    time::sleep(ON * 3 / 4).await;
    bench.event(Kind::TICK, 0).await;
    time::sleep(ON * 3 / 4).await;
    let active = |bench: &Bench| bench.context.status.to_json()["output leds-4"]["active"].clone();
    assert_eq!(active(&bench), 1);
    time::sleep(ON).await;
    assert_eq!(active(&bench), 0);
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_pulse_is_not_extended() {
    let mut bench = Bench::start("pulse.on = '100ms'", &[high(), low(), high(), low()]).await;
    bench.event(Kind::TICK, 0).await;
    time::sleep(ON * 3 / 4).await;
    bench.event(Kind::TICK, 0).await;
    time::sleep(ON / 2).await;
    bench.event(Kind::TICK, 0).await;
    time::sleep(ON * 2).await;
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn each_event_toggles() {
    let keys = "toggle = { label = 'button', kind = 'rising' }";
    let mut bench = Bench::start(keys, &[high(), low(), high(), low()]).await;
    for _ in 0..3 {
        bench.event(Kind::RISING, 0).await;
        bench.event(Kind::FALLING, 0).await;
        bench.event(Kind::RISING, 1).await;
    }
    bench.finish().await;
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_not_given_match_everything() {
    for (filter, count) in [
        ("", 4),
        ("source = 'gpio',", 3),
        ("kind = 'falling',", 1),
        ("label = 'door',", 2),
        ("kind = 'rising', label = 'door',", 1),
        ("kind = 'level', line = 1,", 1),
    ] {
        let expected: Vec<_> = (0..count).flat_map(|_| [high(), low()]).collect();
        let keys = format!("blink = {{ {filter} on = '100ms' }}");
        let mut bench = Bench::start(&keys, &[]).await;
        // Effects of the startup events are over.
        time::sleep(ON * 2).await;
        bench.pin.update_expectations(&expected);
        for (kind, line) in [
            (Kind::TICK, 0),
            (Kind::RISING, 0),
            (Kind::RISING, 1),
            (Kind::FALLING, 1),
            (Kind::LEVEL, 1),
        ] {
            bench.event(kind, line).await;
            time::sleep(ON * 2).await;
        }
        bench.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn derived_events_match_only_by_kind_or_source() {
    for (keys, expected) in [
        ("toggle.line = 1", vec![high(), low()]),
        ("toggle = { line = 1, kind = 'click' }", vec![high()]),
        ("toggle = { line = 1, source = 'watchdog' }", vec![high()]),
    ] {
        let mut bench = Bench::start(keys, &expected).await;
        for kind in [Kind::RISING, Kind::FALLING, Kind::CLICK, Kind::SILENT] {
            bench.event(kind, 1).await;
        }
        bench.finish().await;
    }
}
