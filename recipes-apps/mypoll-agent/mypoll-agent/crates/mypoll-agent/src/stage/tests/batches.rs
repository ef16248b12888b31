// SPDX-License-Identifier: MIT OR Apache-2.0
//! Batching does not change the derived events.

use proptest::prelude::*;

use super::*;

const CONFIG: &str = "[[gesture]]\nline = 0\nrepeat = '500ms'\n[[gesture]]\nline = 1\nclicks = 2\n\
                      [[gesture]]\nline = 2\nclick = '200ms'\n[[chord]]\nlines = [0, 1]\n\
                      [[watchdog]]\nline = 2\nsilent = '1s'\nactive = '400ms'";

/// Edges: line, pause, and the delay of the batch if one ends after the edge.
fn edges() -> impl Strategy<Value = Vec<(u32, u64, Option<u64>)>> {
    // Many short pauses, for clicks and chords; their sum is too short for overdue repeats to be dropped.
    let pause = prop_oneof![1..80_u64, 50..600_u64];
    let batch = prop_oneof![2 => Just(None), 1 => (0..1000_u64).prop_map(Some)];
    proptest::collection::vec((0..3_u32, pause, batch), 0..50)
}

/// The events of a list of edges, alternately rising and falling.
fn steps(edges: &[(u32, u64, Option<u64>)]) -> Vec<Step> {
    let mut active = [false; 3];
    let mut at = 0;
    let step = |(line, pause, _): &(u32, u64, Option<u64>)| {
        at += pause;
        let active = &mut active[*line as usize];
        *active = !*active;
        let kind = if *active { Kind::RISING } else { Kind::FALLING };
        (kind, *line, at)
    };
    edges.iter().map(step).collect()
}

/// Sorts derived events by line and source.
fn sorted(mut found: Vec<Follows>) -> Vec<Follows> {
    found.sort_by_key(|(kind, line, _, _)| (*line, kind.source()));
    found
}

proptest! {
    #[test]
    fn any_batches_give_the_same(edges in edges()) {
        let steps = steps(&edges);
        let end = steps.last().map_or(0, |step| step.2) + 1500;
        // All at once.
        let mut bench = Bench::new(CONFIG);
        let mut once = bench.take(&steps, end);
        once.extend(bench.wait(end));
        // Each when it happens.
        let mut bench = Bench::new(CONFIG);
        let mut each = Vec::new();
        for step in &steps {
            each.extend(bench.wait(step.2));
            each.extend(bench.take(&[*step], step.2));
        }
        each.extend(bench.wait(end));
        // In batches, of which some are late.
        let mut bench = Bench::new(CONFIG);
        let mut batched = Vec::new();
        let mut batch = Vec::new();
        for (step, (_, _, ends)) in steps.iter().zip(&edges) {
            batch.push(*step);
            if let Some(late) = ends {
                batched.extend(bench.take(&batch, step.2 + late));
                batch.clear();
            }
        }
        batched.extend(bench.take(&batch, end));
        batched.extend(bench.wait(end));
        let once = sorted(once);
        prop_assert_eq!(&once, &sorted(each));
        prop_assert_eq!(&once, &sorted(batched));
    }

    #[test]
    fn every_press_ends_in_one_gesture(edges in edges()) {
        let mut steps = steps(&edges);
        let end = steps.last().map_or(0, |step| step.2);
        let is_up = |line| steps.iter().rfind(|step| step.1 == line).is_none_or(|step| step.0 == Kind::FALLING);
        let held: Vec<u32> = (0..3).filter(|line| !is_up(*line)).collect();
        steps.extend(held.iter().map(|line| (Kind::FALLING, *line, end)));
        let mut bench = Bench::new(CONFIG);
        let mut found = bench.take(&steps, end + 10_000);
        found.extend(bench.wait(end + 10_000));
        for line in 0..2 {
            let presses = steps.iter().filter(|step| step.1 == line && step.0 == Kind::RISING).count();
            let of_line = found.iter().filter(|found| found.1 == line);
            let clicks: u32 = of_line
                .clone()
                .filter(|found| (Kind::CLICK..=Kind::TRIPLE_CLICK).contains(&found.0))
                .map(|found| found.2)
                .sum();
            let count = |kind| of_line.clone().filter(|found| found.0 == kind).count();
            let chords = found.iter().filter(|found| found.0 == Kind::CHORD).count();
            prop_assert_eq!(clicks as usize + count(Kind::LONG_PRESS) + chords, presses);
            prop_assert_eq!(count(Kind::LONG_PRESS), count(Kind::RELEASE));
        }
        // Nothing is reported twice.
        let mut distinct = found.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), found.len());
    }
}
