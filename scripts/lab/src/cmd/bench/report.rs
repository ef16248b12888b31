// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables.

use std::fmt::{self, Display};

use anyhow::Result;
use serde::Serialize;

use super::figures::Figures;
use super::goals::{Comparison, FLOOR, OURS, PEER, TARGETS};
use super::plot::{latency, throughput};
use super::reference::Reference;

/// The interfaces, in the order of the columns, with their headings.
const COLUMNS: [(&str, &str); 4] = [
    (PEER, "chardev v2"),
    ("gpio-keys", "gpio-keys"),
    (FLOOR, "floor"),
    (OURS, "mypoll"),
];

/// What is shown without a target: for people, and the figure's name.
const OTHERS: [(&str, &str); 6] = [
    ("interrupt to a TCP client's read(), p50", "client_p50_ns"),
    ("interrupt to a TCP client's read(), p99", "client_p99_ns"),
    ("one edge, read by a TCP client", "client_edge_ns"),
    ("one edge, 8 files open, nobody reading", "edge_8_files_ns"),
    ("close of a private queue, p50", "close_p50_ns"),
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
    #[serde(skip)]
    reference: Option<Reference>,
}

impl Report {
    /// Compares the figures with the targets, if they count, and with `reference`.
    pub(super) fn new(
        machine: &'static str,
        counts: bool,
        figures: Figures,
        reference: Option<Reference>,
    ) -> Self {
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
            reference,
        }
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What could not be measured.
    pub(super) fn missing(&self) -> Vec<String> {
        let untold = TARGETS.iter().filter(|target| {
            self.counts && !self.targets.iter().any(|of| of.figure == target.figure)
        });
        self.figures
            .errors()
            .chain(untold.map(|target| format!("{OURS}: {}: not measured", target.figure)))
            .collect()
    }

    pub(super) fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// The figures of ours that are worse than the reference has them.
    pub(super) fn worse(&self) -> Vec<String> {
        self.reference
            .as_ref()
            .map_or_else(Vec::new, |reference| reference.worse(&self.figures))
    }

    /// Plots of what was measured, by file name.
    pub(super) fn plots(&self) -> Result<Vec<(&'static str, String)>> {
        let counts = COLUMNS
            .iter()
            .filter_map(|(interface, name)| {
                Some((*name, self.figures.counts(interface, "blocked_ns")?))
            })
            .collect::<Vec<_>>();
        let speeds = COLUMNS
            .iter()
            .map(|(interface, name)| (*interface, *name, "drain_ns"))
            .chain([(OURS, "mypoll, mapped", "drain_mapped_ns")])
            .filter_map(|(interface, name, figure)| {
                Some((name, 1000.0 / self.figures.value(interface, figure)?))
            })
            .collect::<Vec<_>>();
        let mut plots = vec![(
            "bench-throughput.svg",
            throughput("Draining a queue", &speeds)?,
        )];
        if let Some(plot) = latency("Interrupt to read(), reader blocked", &counts)? {
            plots.push(("bench-latency.svg", plot));
        }
        Ok(plots)
    }

    /// Whether all was measured.
    pub(super) fn is_complete(&self) -> bool {
        self.missing().is_empty()
    }

    /// The title of a row and its figures.
    fn row(&self, f: &mut fmt::Formatter<'_>, title: &str, figure: &str) -> fmt::Result {
        write!(f, "{title:<42}")?;
        for (interface, _) in COLUMNS {
            let value = number(self.figures.value(interface, figure), 1);
            write!(f, "{value:>12}")?;
        }
        if let Some(reference) = &self.reference {
            match reference.change(&self.figures, figure) {
                Some(change) => write!(f, "{change:>10}")?,
                None => write!(f, "{:>10}", "–")?,
            }
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
        if self.reference.is_some() {
            write!(f, "{:>10}", "change")?;
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
    use std::fs;
    use std::path::Path;

    use super::super::reference::{self, Build};
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
            .chain([line(OURS, "edge_ns", 100.0)])
            .collect()
    }

    fn report(text: &str) -> Report {
        Report::new("a machine", true, Figures::parse(text).unwrap(), None)
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
            "1000 – 100 1234.6 12.346 1.235 1.05 of the floor: MISSED, 0.36 of the peer: MISSED"
        );
    }

    #[test]
    fn the_page_s_plot_shows_the_reference() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = fs::read_to_string(reference::path(&repo)).unwrap();
        let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        let interfaces = reference["figures"].as_object().unwrap();
        let lines = interfaces.iter().flat_map(|(interface, figures)| {
            let figures = figures.as_object().unwrap().iter();
            figures.map(move |(name, value)| line(interface, name, value.as_f64().unwrap()))
        });
        let plots = report(&lines.collect::<String>()).plots().unwrap();
        let [(name, plot)] = &plots[..] else {
            panic!("{plots:?}")
        };
        let drawn = fs::read_to_string(repo.join("docs").join(name)).unwrap();
        assert!(
            drawn == *plot,
            "docs/{name} is old: './scripts/bench --save-reference' draws it"
        );
    }

    #[test]
    fn a_distribution_is_drawn() {
        let counts = "{\"interface\":\"mypoll\",\"figure\":\"blocked_ns\",\"counts\":[[4992,900],[5536,100]]}\n";
        let plots = report(&(line(OURS, "drain_ns", 20.0) + counts))
            .plots()
            .unwrap();
        assert_eq!(plots[1].0, "bench-latency.svg");
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

    #[test]
    fn rows_have_their_change_against_the_reference() {
        let before = Figures::parse(&all()).unwrap();
        let build = Build::parse(
            "6.18.15",
            "CONFIG_CC_VERSION_TEXT=\"clang\"\nCONFIG_RUSTC_VERSION_TEXT=\"rustc\"\n",
        );
        let reference = Reference::new(build.unwrap(), &before);
        let now = Figures::parse(&(all() + &line(OURS, "edge_ns", 105.0))).unwrap();
        let report = Report::new("a machine", true, now, Some(reference));
        let text = report.to_string();
        let row = text
            .lines()
            .find(|line| line.starts_with("one edge, nobody"));
        assert!(row.unwrap().contains("105    +5.0 %"), "{text}");
        assert_eq!(report.worse(), ["edge_ns: 105 in place of 100, +5.0 %"]);
    }
}
