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
    /// The most it may be of ours with one queue, [`ALONE`].
    pub(super) of_alone: Option<f64>,
}

/// Our figure of an edge with one queue.
const ALONE: &str = "edge_ns";

/// A figure of ours that is to be so many times another's at most.
const fn ratio(title: &'static str, figure: &'static str, of_floor: f64, of_peer: f64) -> Target {
    Target {
        title,
        figure,
        others: figure,
        at_most: None,
        of_floor: Some(of_floor),
        of_peer: Some(of_peer),
        of_alone: None,
    }
}

/// A figure of ours that is to be so much at most.
const fn at_most(title: &'static str, figure: &'static str, most: f64) -> Target {
    Target {
        title,
        figure,
        others: figure,
        at_most: Some(most),
        of_floor: None,
        of_peer: None,
        of_alone: None,
    }
}

/// All of them, in the order of the table.
pub(super) const TARGETS: [Target; 14] = [
    ratio(
        "interrupt to read(), reader blocked, p50",
        "blocked_p50_ns",
        1.05,
        0.27,
    ),
    ratio(
        "interrupt to read(), reader blocked, p99",
        "blocked_p99_ns",
        1.05,
        0.27,
    ),
    ratio(
        "toggle to read(), reader blocked, p50",
        "toggle_blocked_p50_ns",
        1.05,
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
        1.05,
        0.43,
    ),
    ratio(
        "draining 64 records a read, per event",
        "drain_ns",
        1.0,
        0.13,
    ),
    Target {
        others: "drain_ns",
        of_peer: Some(0.05),
        ..at_most(
            "draining the mapped ring, per event",
            "drain_mapped_ns",
            4.0,
        )
    },
    ratio("one edge, nobody reading", "edge_ns", 1.05, 0.36),
    at_most("one edge, 64 files open", "edge_64_files_ns", 8000.0),
    Target {
        at_most: None,
        of_alone: Some(1.10),
        ..at_most(
            "one edge, 1 queue, 63 filter it out",
            "edge_63_filtered_ns",
            0.0,
        )
    },
    at_most("lost of 2000 edges, nobody reading", "lost_of_2000", 0.0),
    at_most("of these, not accounted for", "unaccounted_of_2000", 0.0),
    at_most("close of a private queue, longest", "close_max_ns", 1e6),
];

/// How a figure of ours compares.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) figure: &'static str,
    pub(super) of_floor: Option<f64>,
    pub(super) of_peer: Option<f64>,
    pub(super) of_alone: Option<f64>,
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
        let mut of_alone = None;
        if let Some(most) = self.of_alone {
            let ratio = ours / figures.value(OURS, ALONE)?;
            judge(
                ratio,
                most,
                format!("{most:.2} of one alone, is {ratio:.3}"),
            );
            of_alone = Some(ratio);
        }
        let texts: Vec<_> = parts.iter().map(|(_, text)| text.as_str()).collect();
        Some(Comparison {
            figure: self.figure,
            of_floor,
            of_peer,
            of_alone,
            met: parts.iter().all(|(met, _)| *met),
            verdict: texts.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The comparison of a target of 1.05 of the floor and 0.27 of the peer.
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
        assert!(met("\"value\":1000", "\"value\":5000", "\"value\":1050"));
        assert!(!met("\"value\":1000", "\"value\":5000", "\"value\":1051"));
        assert!(!met("\"value\":1000", "\"value\":3800", "\"value\":1050"));
        let verdict = compare("\"value\":1000", "\"value\":3800", "\"value\":1050");
        assert_eq!(
            verdict.unwrap().verdict,
            "1.05 of the floor: met, 0.27 of the peer: MISSED"
        );
    }

    #[test]
    fn queues_that_filter_are_compared_with_one_alone() {
        let target = TARGETS.iter().find(|target| target.of_alone.is_some());
        let compare = |ours: u32| {
            let text = format!(
                "{{\"interface\":\"mypoll\",\"figure\":\"edge_ns\",\"value\":1000}}\n\
                 {{\"interface\":\"mypoll\",\"figure\":\"edge_63_filtered_ns\",\"value\":{ours}}}\n"
            );
            let figures = Figures::parse(&text).unwrap();
            target.unwrap().compare(&figures).unwrap()
        };
        assert_eq!(compare(1100).verdict, "1.10 of one alone, is 1.100: met");
        assert_eq!(compare(1200).verdict, "1.10 of one alone, is 1.200: MISSED");
        assert_eq!(compare(1200).of_alone, Some(1.2));
    }

    #[test]
    fn what_was_not_measured_is_not_compared() {
        let missing = compare("\"error\":\"no edge\"", "\"value\":5000", "\"value\":1");
        assert!(missing.is_none());
    }
}
