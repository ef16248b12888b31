// SPDX-License-Identifier: GPL-2.0-only

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::queue::owed::Owed;
use crate::uapi::LINES_MAX;

const LINES: u32 = LINES_MAX as u32;

#[test]
fn a_line_is_pending_once() {
    let mut owed = Owed::default();
    assert!(owed.is_empty());
    owed.owe(5);
    owed.owe(5);
    assert!(!owed.is_empty());
    assert_eq!(owed.pop(), Some(5));
    assert!(owed.is_empty());
    assert_eq!(owed.pop(), None);
    owed.owe(5);
    assert_eq!(owed.pop(), Some(5), "it came and went again");
}

#[test]
fn every_valid_line_is_kept_and_no_other() {
    let mut owed = Owed::default();
    for line in [LINES, u32::MAX] {
        owed.owe(line);
        assert!(owed.is_empty(), "{line}");
    }
    (0..LINES).rev().for_each(|line| owed.owe(line));
    for line in 0..LINES {
        assert!(!owed.is_empty());
        assert_eq!(owed.pop(), Some(line));
    }
    assert!(owed.is_empty());
}

proptest! {
    /// `Some` is owed, `None` takes the lowest one.
    #[test]
    fn behaves_as_a_set(
        steps in prop::collection::vec(prop::option::of(prop_oneof![0..LINES, 60..70u32]), 0..200),
    ) {
        let (mut owed, mut model) = (Owed::default(), BTreeSet::new());
        for step in steps {
            match step {
                Some(line) => {
                    owed.owe(line);
                    model.insert(line);
                }
                None => prop_assert_eq!(owed.pop(), model.pop_first()),
            }
            prop_assert_eq!(owed.is_empty(), model.is_empty());
        }
    }
}
