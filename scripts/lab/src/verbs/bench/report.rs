// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables.

use std::fmt::{self, Display};

use serde::Serialize;

use super::figures::Figures;
use super::target::{Comparison, FLOOR, OURS, PEER, TARGETS};

/// The interfaces, in the order of the columns, with their headings.
const COLUMNS: [(&str, &str); 4] = [
    (PEER, "chardev v2"),
    ("gpio-keys", "gpio-keys"),
    (FLOOR, "floor"),
    (OURS, "mypoll"),
];

/// What is shown without a target: for people, and the figure's name.
const OTHERS: [(&str, &str); 3] = [
    ("one edge, 8 files open, nobody reading", "edge_8_files_ns"),
    ("one edge, 64 files open", "edge_64_files_ns"),
    ("memory of an open file, bytes", "memory_bytes"),
];

/// What was measured in one machine.
#[derive(Serialize)]
pub(super) struct Report {
    machine: &'static str,
    /// Whether it is to be compared with the targets.
    #[serde(skip)]
    counts: bool,
    figures: Figures,
    targets: Vec<Comparison>,
}

impl Report {
    /// Compares the figures, if they count.
    pub(super) fn new(machine: &'static str, counts: bool, figures: Figures) -> Self {
        let targets = TARGETS
            .iter()
            .filter(|_| counts)
            .filter_map(|target| target.compare(&figures))
            .collect();
        Self {
            machine,
            counts,
            figures,
            targets,
        }
    }

    /// Whether all was measured.
    pub(super) fn is_complete(&self) -> bool {
        self.figures.errors().next().is_none()
            && (!self.counts || self.targets.len() == TARGETS.len())
    }

    /// The title of a row and its figures.
    fn row(&self, f: &mut fmt::Formatter<'_>, title: &str, figure: &str) -> fmt::Result {
        write!(f, "{title:<42}")?;
        for (interface, _) in COLUMNS {
            let value = number(self.figures.value(interface, figure), 1);
            write!(f, "{value:>12}")?;
        }
        Ok(())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.machine)?;
        write!(f, "{:<42}", "in ns, where nothing else is said")?;
        for (_, heading) in COLUMNS {
            write!(f, "{heading:>12}")?;
        }
        if self.counts {
            write!(f, "{:>10}{:>10}  at most", "of floor", "of peer")?;
        }
        writeln!(f)?;
        for target in &TARGETS {
            self.row(f, target.title, target.figure)?;
            if self.counts {
                let comparison = self
                    .targets
                    .iter()
                    .find(|comparison| comparison.figure == target.figure);
                let ratio =
                    |ratio: fn(&Comparison) -> Option<f64>| number(comparison.and_then(ratio), 3);
                let verdict = comparison.map_or("NOT MEASURED", |comparison| &comparison.verdict);
                write!(
                    f,
                    "{:>10}{:>10}  {verdict}",
                    ratio(|comparison| comparison.of_floor),
                    ratio(|comparison| comparison.of_peer)
                )?;
            }
            writeln!(f)?;
        }
        for (title, figure) in OTHERS {
            self.row(f, title, figure)?;
            writeln!(f)?;
        }
        for error in self.figures.errors() {
            writeln!(f, "not measured: {error}")?;
        }
        Ok(())
    }
}

/// A number with at most that many digits after the point; a dash for none.
fn number(value: Option<f64>, digits: usize) -> String {
    match value {
        Some(value) if value.fract() == 0.0 => format!("{value}"),
        Some(value) => format!("{value:.digits$}"),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(interface: &str, figure: &str, value: f64) -> String {
        format!("{{\"interface\":\"{interface}\",\"figure\":\"{figure}\",\"value\":{value}}}\n")
    }

    /// A run where all targets are met.
    fn all() -> String {
        TARGETS
            .iter()
            .flat_map(|target| {
                [
                    line(OURS, target.figure, 0.0),
                    line(FLOOR, target.others, 100.0),
                    line(PEER, target.others, 1000.0),
                ]
            })
            .collect()
    }

    fn report(text: &str) -> Report {
        Report::new("a machine", true, Figures::parse(text).unwrap())
    }

    #[test]
    fn a_missed_target_is_said_and_all_was_measured() {
        let met = report(&all());
        assert!(met.is_complete());
        assert!(!met.to_string().contains("MISSED"), "{met}");

        let missed = report(&(all() + &line(OURS, "edge_ns", 1234.56)));
        assert!(missed.is_complete());
        let text = missed.to_string();
        let row = text
            .lines()
            .find(|line| line.starts_with("one edge, nobody"));
        let words: Vec<_> = row.unwrap().split_whitespace().skip(4).collect();
        assert_eq!(
            words.join(" "),
            "1000 – 100 1234.6 12.346 1.235 1.15 of the floor: MISSED, 0.36 of the peer: MISSED"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_complete() {
        let others = all();
        let mut lines = others.lines();
        lines.next();
        let missing = report(&lines.collect::<Vec<_>>().join("\n"));
        assert!(!missing.is_complete());
        assert!(missing.to_string().contains("NOT MEASURED"), "{missing}");

        let failed = "{\"interface\":\"gpio-keys\",\"figure\":\"edge_ns\",\"error\":\"3 of 31\"}\n";
        let failed = report(&(all() + failed));
        assert!(!failed.is_complete());
        let text = failed.to_string();
        assert!(
            text.ends_with("not measured: gpio-keys: edge_ns: 3 of 31\n"),
            "{text}"
        );
    }
}
