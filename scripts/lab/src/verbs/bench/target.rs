// SPDX-License-Identifier: MIT OR Apache-2.0
//! What mypoll is to reach.

use serde::Serialize;

use super::figures::Figures;

/// The interface that a user would take instead.
pub(super) const PEER: &str = "chardev";
/// The least that a driver can do.
pub(super) const FLOOR: &str = "floor";
/// Ours.
pub(super) const OURS: &str = "mypoll";

/// A figure that is compared.
#[derive(Debug)]
pub(super) struct Target {
    /// What it is, for people.
    pub(super) title: &'static str,
    /// Its name in [`Figures`].
    pub(super) figure: &'static str,
    /// The others' figure to compare it with, where that is another one.
    pub(super) others: &'static str,
    /// The most it may be, in its own unit.
    pub(super) at_most: Option<f64>,
    /// The most it may be of the floor's.
    pub(super) of_floor: Option<f64>,
    /// The most it may be of the peer's.
    pub(super) of_peer: Option<f64>,
}

/// A figure of ours that is to be so many times another's at most.
const fn ratio(title: &'static str, figure: &'static str, of_floor: f64, of_peer: f64) -> Target {
    Target {
        title,
        figure,
        others: figure,
        at_most: None,
        of_floor: Some(of_floor),
        of_peer: Some(of_peer),
    }
}

/// All of them, in the order of the table.
pub(super) const TARGETS: [Target; 11] = [
    ratio(
        "interrupt to read(), reader blocked, p50",
        "blocked_p50_ns",
        1.10,
        0.27,
    ),
    ratio(
        "interrupt to read(), reader blocked, p99",
        "blocked_p99_ns",
        1.10,
        0.27,
    ),
    ratio(
        "toggle to read(), reader blocked, p50",
        "toggle_blocked_p50_ns",
        1.10,
        0.43,
    ),
    ratio(
        "interrupt to read(), reader awake, p50",
        "awake_p50_ns",
        1.10,
        0.27,
    ),
    ratio(
        "interrupt to read(), reader awake, p99",
        "awake_p99_ns",
        1.10,
        0.27,
    ),
    ratio(
        "toggle to read(), reader awake, p50",
        "toggle_awake_p50_ns",
        1.10,
        0.43,
    ),
    ratio(
        "draining 64 records a read, per event",
        "drain_ns",
        1.25,
        0.13,
    ),
    Target {
        title: "draining the mapped ring, per event",
        figure: "drain_mapped_ns",
        others: "drain_ns",
        at_most: Some(8.0),
        of_floor: None,
        of_peer: Some(0.05),
    },
    ratio("one edge, nobody reading", "edge_ns", 1.15, 0.36),
    Target {
        title: "lost of 2000 edges, nobody reading",
        figure: "lost_of_2000",
        others: "lost_of_2000",
        at_most: Some(0.0),
        of_floor: None,
        of_peer: None,
    },
    Target {
        title: "of these, not accounted for",
        figure: "unaccounted_of_2000",
        others: "unaccounted_of_2000",
        at_most: Some(0.0),
        of_floor: None,
        of_peer: None,
    },
];

/// How a figure of ours compares.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) figure: &'static str,
    pub(super) of_floor: Option<f64>,
    pub(super) of_peer: Option<f64>,
    pub(super) met: bool,
    /// What is to be reached and whether it is, for people.
    #[serde(skip)]
    pub(super) verdict: String,
}

impl Target {
    /// Compares our figure with the others' of the same run; `None` where one was not measured.
    pub(super) fn compare(&self, figures: &Figures) -> Option<Comparison> {
        let ours = figures.value(OURS, self.figure)?;
        let mut parts = Vec::new();
        let mut judge = |value: f64, most: f64, text: String| {
            let met = value <= most;
            parts.push((
                met,
                format!("{text}: {}", if met { "met" } else { "MISSED" }),
            ));
        };
        if let Some(most) = self.at_most {
            judge(ours, most, format!("{most}"));
        }
        let mut of_floor = None;
        if let Some(most) = self.of_floor {
            let ratio = ours / figures.value(FLOOR, self.others)?;
            judge(ratio, most, format!("{most:.2} of the floor"));
            of_floor = Some(ratio);
        }
        let mut of_peer = None;
        if let Some(most) = self.of_peer {
            let peer = figures.value(PEER, self.others)?;
            judge(ours / peer, most, format!("{most:.2} of the peer"));
            of_peer = Some(ours / peer);
        }
        let texts: Vec<_> = parts.iter().map(|(_, text)| text.as_str()).collect();
        Some(Comparison {
            figure: self.figure,
            of_floor,
            of_peer,
            met: parts.iter().all(|(met, _)| *met),
            verdict: texts.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The comparison of a target of 1.10 of the floor and 0.27 of the peer.
    fn compare(floor: &str, peer: &str, ours: &str) -> Option<Comparison> {
        let line = |interface, measured| {
            format!("{{\"interface\":\"{interface}\",\"figure\":\"blocked_p50_ns\",{measured}}}\n")
        };
        let text = line(FLOOR, floor) + &line(PEER, peer) + &line(OURS, ours);
        TARGETS[0].compare(&Figures::parse(&text).unwrap())
    }

    #[test]
    fn both_ratios_have_to_be_reached() {
        let met = |floor, peer, ours| compare(floor, peer, ours).unwrap().met;
        assert!(met("\"value\":1000", "\"value\":5000", "\"value\":1100"));
        assert!(!met("\"value\":1000", "\"value\":5000", "\"value\":1101"));
        assert!(!met("\"value\":1000", "\"value\":4000", "\"value\":1100"));
        let verdict = compare("\"value\":1000", "\"value\":4000", "\"value\":1100");
        assert_eq!(
            verdict.unwrap().verdict,
            "1.10 of the floor: met, 0.27 of the peer: MISSED"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let missing = compare("\"error\":\"no edge\"", "\"value\":5000", "\"value\":1");
        assert!(missing.is_none());
    }
}
