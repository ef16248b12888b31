// SPDX-License-Identifier: MIT OR Apache-2.0
//! `/metrics`: metrics in Prometheus's text format.

use std::fmt::{self, Display, Write as _};

use crate::{clock::WallClock, context::Context, journal::Snapshot, lines::Line};

/// The content type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters of parts that can also decrease.
const GAUGES: &[&str] = &[
    "active",
    "clients",
    "queued",
    "running",
    "unacknowledged",
    "waiting",
];

/// Renders the text.
pub(super) fn render(context: &Context) -> String {
    let mut text = Metrics(String::new());
    let journal = &context.journal;
    let identity = journal.identity();
    let stats = journal.stats();

    text.gauge("info", "Identity of the agent; always 1.");
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("machine", &identity.machine),
        ("boot", &identity.boot),
        ("session", &journal.era().session.to_string()),
    ];
    text.sample("info", &labels, 1);
    text.counter(
        "events",
        "Number of the newest event; sessions continue the count.",
    );
    text.sample("events_total", &[], stats.next - 1);
    text.counter("lost_events", "Events that the source lost.");
    text.sample("lost_events_total", &[], stats.lost);
    text.gauge("journal_events", "Stored events.");
    text.sample("journal_events", &[], stats.next - stats.first);
    text.gauge("journal_memory_bytes", "Memory used by stored events.");
    text.sample("journal_memory_bytes", &[], stats.memory);
    text.gauge(
        "clock_synchronized",
        "Whether the system clock is synchronized.",
    );
    let synchronized = WallClock::now().at(0).synchronized;
    text.sample("clock_synchronized", &[], u8::from(synchronized));

    text.lines(&journal.snapshot());
    text.parts(context);
    text.0
}

struct Metrics(String);

impl Metrics {
    fn lines(&mut self, snapshot: &Snapshot) {
        self.gauge("line_active", "Whether a line is active.");
        self.each_line(snapshot, "line_active", |line| line.active.map(u8::from));
        if !snapshot.counts() {
            return;
        }
        self.counter("line_pulses", "How often a line became active.");
        self.each_line(snapshot, "line_pulses_total", |line| {
            snapshot.tally(line).map(|tally| tally.pulses)
        });
        let rate = "line_pulses_per_second";
        self.gauge(rate, "Pulses per second, by the last pulses.");
        self.each_line(snapshot, rate, |line| {
            snapshot.tally(line).map(|tally| tally.rate)
        });
    }

    fn each_line<T: Display>(
        &mut self,
        snapshot: &Snapshot,
        name: &str,
        value: impl Fn(&Line) -> Option<T>,
    ) {
        for line in &snapshot.lines {
            if let Some(value) = value(line) {
                let number = line.number.to_string();
                let label = line.label.as_deref().unwrap_or_default();
                self.sample(name, &[("line", &number), ("label", label)], value);
            }
        }
    }

    fn parts(&mut self, context: &Context) {
        self.gauge("part_working", "Whether a part works; 0 while it waits.");
        let waiting = context.status.waiting();
        let parts = context.status.counters();
        for (part, _) in &parts {
            let works = !waiting.iter().any(|(name, _)| name == part);
            self.sample("part_working", &[("part", part)], u8::from(works));
        }
        let mut names: Vec<_> = parts
            .iter()
            .flat_map(|(_, numbers)| numbers.keys())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let metric = format!("part_{}", name.replace('-', "_"));
            let help = format!("`{name}` of a part, as in /stats.");
            let sample = if GAUGES.contains(name) {
                self.gauge(&metric, &help);
                metric
            } else {
                self.counter(&metric, &help);
                format!("{metric}_total")
            };
            for (part, numbers) in &parts {
                if let Some(value) = numbers.get(name) {
                    self.sample(&sample, &[("part", part)], value);
                }
            }
        }
    }

    fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    fn counter(&mut self, name: &str, help: &str) {
        self.head(&format!("{name}_total"), help, "counter");
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(
            self.0,
            "# HELP mypoll_agent_{name} {help}\n# TYPE mypoll_agent_{name} {kind}"
        );
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "mypoll_agent_{name}");
        for (index, (label, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", Escaped(value));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{after} {value}");
    }
}

/// Escapes the value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str(r"\\"),
            '"' => f.write_str(r#"\""#),
            '\n' => f.write_str(r"\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Metrics(String::new());
        text.sample("x", &[("a", "1"), ("b", "\"\\\nö")], 7);
        assert_eq!(text.0, "mypoll_agent_x{a=\"1\",b=\"\\\"\\\\\\nö\"} 7\n");
    }
}
