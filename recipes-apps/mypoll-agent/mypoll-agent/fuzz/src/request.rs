// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client sends: its lines do not depend on how they come, a first line is taken or refused with a short sentence, and
//! what is taken is the same after it was written and read again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use mypoll_agent::sink::stream::fuzz;
use mypoll_protocol::{Message, Order, Request};
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|bytes: &[u8]| {
    let lines = fuzz::lines(bytes, usize::MAX);
    // A longer line is refused as soon as that is seen.
    if bytes.len() <= fuzz::LONGEST {
        for step in [1, 7] {
            assert_eq!(fuzz::lines(bytes, step), lines);
        }
    }
    for line in &lines {
        if let Err(error) = fuzz::first(line) {
            assert!(error.chars().count() < 500, "{error}");
        }
    }
    same_again_all(bytes);
});

fn same_again_all(line: &[u8]) {
    same_again::<Request>(line);
    same_again::<Order>(line);
    if let Ok(message) = serde_json::from_slice::<Message>(line) {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }
}

fn same_again<T: Debug + DeserializeOwned + PartialEq + Serialize>(line: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(line) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }
}
