// SPDX-License-Identifier: MIT OR Apache-2.0

//! Output.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

/// A line of standard output.
#[derive(Serialize)]
struct Figure<'a> {
    /// The interface.
    interface: &'a str,
    /// The name of the figure.
    figure: &'a str,
    /// Nanoseconds, bytes or a count, as the figure's name says.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// Values of a distribution, and how often each occurred.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Vec<(u64, u64)>>,
    /// Why the value is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Figure<'_> {
    fn put_out(&self) {
        println!("{}", serde_json::to_string(self).expect("it is plain data"));
    }
}

/// Prints how often each duration occurred.
pub(crate) fn put_out_counts(interface: &str, figure: &str, values: &[u64]) {
    Figure {
        interface,
        figure,
        value: None,
        counts: Some(counts(values)),
        error: None,
    }
    .put_out();
}

fn counts(values: &[u64]) -> Vec<(u64, u64)> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(*value).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Prints the figures of an interface, or why they are missing.
pub(crate) fn put_out<const N: usize>(interface: &str, names: [&str; N], values: Result<[f64; N]>) {
    let line = |figure, value, error| {
        let figure = Figure {
            interface,
            figure,
            value,
            counts: None,
            error,
        };
        figure.put_out();
    };
    match values {
        Ok(values) => {
            for (name, value) in names.into_iter().zip(values) {
                line(name, Some(value), None);
            }
        }
        Err(error) => {
            for name in names {
                line(name, None, Some(format!("{error:#}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_in_ascending_order() {
        assert_eq!(counts(&[32, 16, 32]), [(16, 1), (32, 2)]);
    }
}
