// SPDX-License-Identifier: GPL-2.0-only

//! The shared queue against a model, under any interleaving of what its users do.

use crate::event::{Event, Record};
use crate::queue::shared::{Claim, Full, SharedQueue};
use proptest::prelude::*;

fn queue(size: usize) -> SharedQueue<Vec<Record>> {
    SharedQueue::new(vec![Record::EMPTY; size])
}

fn sequence(claim: &Claim) -> u32 {
    claim.record().sequence
}

#[test]
fn events_are_first_in_first_out_and_a_full_queue_refuses() {
    let mut queue = queue(2);
    assert!(queue.is_empty());
    for timestamp in [10, 20] {
        queue.push(Event::trigger(timestamp)).unwrap();
    }
    assert_eq!(queue.push(Event::trigger(30)), Err(Full));
    assert_eq!((queue.len(), queue.sequence()), (2, 2));

    for (number, timestamp) in [(1, 10), (2, 20)] {
        let claim = queue.claim().unwrap();
        assert_eq!(sequence(&claim), number);
        assert_eq!(claim.record().event.timestamp_ns, timestamp);
        queue.delivered(claim);
    }
    assert!(queue.claim().is_none());
}

#[test]
fn only_the_next_record_reports_a_loss() {
    let mut queue = queue(1);
    queue.push(Event::trigger(1)).unwrap();
    assert!(queue.lose(), "the first since the last read");
    assert!(!queue.lose());
    assert!(queue.lost_since_read());

    let claim = queue.claim().unwrap();
    assert_eq!(claim.record().lost, 0);
    assert!(queue.delivered(claim), "was full");
    assert!(!queue.lost_since_read());

    for lost in [2, 0] {
        queue.push(Event::trigger(2)).unwrap();
        let claim = queue.claim().unwrap();
        assert_eq!(claim.record().lost, lost);
        queue.delivered(claim);
    }
    assert_eq!(queue.sequence(), 3);
}

#[test]
fn a_claim_holds_its_slot_until_it_ends() {
    let mut queue = queue(1);
    queue.push(Event::trigger(1)).unwrap();
    let claim = queue.claim().unwrap();
    assert!(queue.is_empty() && queue.is_full());
    assert_eq!(queue.push(Event::trigger(2)), Err(Full));
    queue.put_back(claim);
    assert_eq!(queue.len(), 1);
}

#[test]
fn order_survives_the_wrap_of_the_sequence_number() {
    let mut queue = queue(4);
    queue.start_at(u32::MAX - 1);
    for timestamp in 0..4 {
        queue.push(Event::trigger(timestamp)).unwrap();
    }
    let claims: Vec<_> = std::iter::from_fn(|| queue.claim()).collect();
    claims.into_iter().for_each(|claim| queue.put_back(claim));
    let order: Vec<_> = std::iter::from_fn(|| queue.claim())
        .map(|claim| sequence(&claim))
        .collect();
    assert_eq!(order, [u32::MAX, 0, 1, 2]);
}

#[derive(Clone, Debug)]
enum Step {
    Push,
    Claim,
    Deliver(prop::sample::Index),
    PutBack(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Push),
        3 => Just(Step::Claim),
        1 => any::<prop::sample::Index>().prop_map(Step::Deliver),
        2 => any::<prop::sample::Index>().prop_map(Step::PutBack),
    ]
}

proptest! {
    #[test]
    fn behaves_as_the_model(size in 1usize..6, steps in prop::collection::vec(step(), 0..200)) {
        let mut queue = queue(size);
        let mut held: Vec<u32> = Vec::new();
        let mut claims: Vec<Claim> = Vec::new();
        let (mut sequence_given, mut lost_total, mut delivered, mut lost_told) = (0u32, 0u32, 0u32, 0u32);
        let mut high_water = 0;

        for step in steps {
            match step {
                Step::Push => {
                    let full = held.len() + claims.len() == size;
                    prop_assert_eq!(queue.push(Event::trigger(0)).is_err(), full);
                    if full {
                        queue.lose();
                        lost_total += 1;
                    } else {
                        sequence_given += 1;
                        held.push(sequence_given);
                    }
                }
                Step::Claim => match queue.claim() {
                    Some(claim) => {
                        prop_assert_eq!(sequence(&claim), held.remove(0));
                        claims.push(claim);
                    }
                    None => prop_assert!(held.is_empty()),
                },
                Step::Deliver(index) if !claims.is_empty() => {
                    let claim = claims.remove(index.index(claims.len()));
                    delivered += 1;
                    lost_told += claim.record().lost;
                    queue.delivered(claim);
                }
                Step::PutBack(index) if !claims.is_empty() => {
                    let claim = claims.remove(index.index(claims.len()));
                    held.push(sequence(&claim));
                    held.sort_unstable();
                    queue.put_back(claim);
                }
                Step::Deliver(_) | Step::PutBack(_) => {}
            }
            prop_assert_eq!(queue.len(), held.len());
            prop_assert_eq!(queue.is_full(), held.len() + claims.len() == size);
            prop_assert_eq!(queue.sequence(), sequence_given);
            prop_assert_eq!(queue.offered(), u64::from(sequence_given + lost_total));
            high_water = high_water.max(held.len());
            prop_assert_eq!(queue.high_water(), high_water);
        }

        claims.into_iter().for_each(|claim| queue.put_back(claim));
        while let Some(claim) = queue.claim() {
            delivered += 1;
            lost_told += claim.record().lost;
            queue.delivered(claim);
        }
        prop_assert_eq!(delivered, sequence_given, "everything queued arrives once");
        // No record reports the losses after the last push yet.
        if queue.push(Event::trigger(0)).is_ok() {
            lost_told += queue.claim().unwrap().record().lost;
        }
        prop_assert_eq!(lost_told, lost_total, "every loss is told once");
    }
}
