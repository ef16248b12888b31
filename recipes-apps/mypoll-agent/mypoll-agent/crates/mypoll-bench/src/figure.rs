// SPDX-License-Identifier: MIT OR Apache-2.0

//! Output.

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
    /// Why the value is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Prints the figures of an interface, or why they are missing.
pub(crate) fn put_out<const N: usize>(interface: &str, names: [&str; N], values: Result<[f64; N]>) {
    let line = |figure, value, error| {
        let figure = Figure {
            interface,
            figure,
            value,
            error,
        };
        println!(
            "{}",
            serde_json::to_string(&figure).expect("it is plain data")
        );
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
