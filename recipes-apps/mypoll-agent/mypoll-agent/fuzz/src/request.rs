// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of the protocol: what is taken is the same after it was written and read again.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use mypoll_protocol::{Message, Order, Request};
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|line: &[u8]| {
    same_again::<Request>(line);
    same_again::<Order>(line);
    if let Ok(message) = serde_json::from_slice::<Message>(line) {
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }
});

fn same_again<T: Debug + DeserializeOwned + PartialEq + Serialize>(line: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(line) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }
}
