// SPDX-License-Identifier: MIT OR Apache-2.0
//! A configuration is taken, or refused with the file and the line.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mypoll_agent::config::Config;

fuzz_target!(|text: &str| {
    match Config::parse(Path::new("agent.toml"), text) {
        Ok(config) => drop(config.sinks()),
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("agent.toml:"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
});
