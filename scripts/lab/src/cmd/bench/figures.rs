// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest's part of the bench puts out.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The figures, by interface and name.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Figures(BTreeMap<String, BTreeMap<String, Measured>>);

/// A figure, or why there is none.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Measured {
    /// Its value; the figure's name ends in the unit.
    Value(f64),
    /// Values of a distribution in ascending order, and how often each occurred.
    Counts(Vec<(u64, u64)>),
    /// What went wrong.
    Error(String),
}

/// One line of the guest's.
#[derive(Deserialize)]
struct Line {
    interface: String,
    figure: String,
    #[serde(flatten)]
    measured: Measured,
}

impl Figures {
    /// Reads one JSON object a line.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut figures = Self::default();
        for line in text.lines() {
            let line: Line =
                serde_json::from_str(line).with_context(|| format!("the guest said {line:?}"))?;
            figures
                .0
                .entry(line.interface)
                .or_default()
                .insert(line.figure, line.measured);
        }
        Ok(figures)
    }

    /// A figure's value, if it was measured.
    pub(super) fn value(&self, interface: &str, figure: &str) -> Option<f64> {
        match self.0.get(interface)?.get(figure)? {
            Measured::Value(value) => Some(*value),
            Measured::Counts(_) | Measured::Error(_) => None,
        }
    }

    /// The values of a distribution, if it was measured.
    pub(super) fn counts(&self, interface: &str, figure: &str) -> Option<&[(u64, u64)]> {
        match self.0.get(interface)?.get(figure)? {
            Measured::Counts(counts) => Some(counts),
            Measured::Value(_) | Measured::Error(_) => None,
        }
    }

    /// All values, by interface and name.
    pub(super) fn values(&self) -> BTreeMap<String, BTreeMap<String, f64>> {
        self.0
            .iter()
            .map(|(interface, figures)| {
                let values = figures
                    .keys()
                    .filter_map(|name| Some((name.clone(), self.value(interface, name)?)));
                (interface.clone(), values.collect())
            })
            .collect()
    }

    /// What could not be measured, and why.
    pub(super) fn errors(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(interface, figures)| {
            figures
                .iter()
                .filter_map(move |(figure, measured)| match measured {
                    Measured::Value(_) | Measured::Counts(_) => None,
                    Measured::Error(error) => Some(format!("{interface}: {figure}: {error}")),
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_figures_and_errors() {
        let figures = Figures::parse(
            "{\"interface\":\"floor\",\"figure\":\"drain_ns\",\"value\":18.5}\n\
             {\"interface\":\"floor\",\"figure\":\"blocked_ns\",\"counts\":[[16,2],[32,1]]}\n\
             {\"interface\":\"floor\",\"figure\":\"edge_ns\",\"error\":\"no edge\"}\n",
        )
        .unwrap();
        assert_eq!(figures.value("floor", "drain_ns"), Some(18.5));
        assert_eq!(figures.value("floor", "edge_ns"), None);
        assert_eq!(
            figures.counts("floor", "blocked_ns"),
            Some(&[(16, 2), (32, 1)][..])
        );
        assert_eq!(figures.counts("floor", "drain_ns"), None);
        let errors: Vec<_> = figures.errors().collect();
        assert_eq!(errors, ["floor: edge_ns: no edge"]);
    }

    #[test]
    fn anything_else_is_an_error_that_shows_it() {
        let error = Figures::parse("Killed\n").unwrap_err().to_string();
        assert_eq!(error, "the guest said \"Killed\"");
    }
}
