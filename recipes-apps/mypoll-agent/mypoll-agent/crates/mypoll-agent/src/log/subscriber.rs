// SPDX-License-Identifier: MIT OR Apache-2.0
//! Formats log events as lines of text. tracing-subscriber also has layers, spans and their storage: 30 kB of unused
//! code.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use mypoll_agent::quote::shorten;
use tracing::{
    Event, Metadata, Subscriber, callsite,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

/// The least severe level that is logged.
#[derive(Clone)]
pub struct Level(Arc<RwLock<LevelFilter>>);

/// Calls `write` with a line for each event.
pub(super) struct Lines<W> {
    level: Level,
    write: W,
}

impl Level {
    pub(super) fn new(level: LevelFilter) -> Self {
        Self(Arc::new(RwLock::new(level)))
    }

    fn get(&self) -> LevelFilter {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, level: LevelFilter) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = level;
        callsite::rebuild_interest_cache();
    }
}

impl<W: Fn(String)> Lines<W> {
    pub(super) fn new(level: Level, write: W) -> Self {
        Self { level, write }
    }
}

impl<W: Fn(String) + 'static> Subscriber for Lines<W> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Checked again when the level changes.
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.get())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.level.get()
    }

    fn event(&self, event: &Event<'_>) {
        (self.write)(line(SystemTime::now(), event));
    }

    // Spans are never enabled.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Time, level, message, and the other fields as NAME=VALUE.
fn line(now: SystemTime, event: &Event<'_>) -> String {
    let mut line = Line(String::new());
    // Writing to a string fails only if a value's own Display fails. The line then ends there.
    let _ = write!(
        line.0,
        "{} {:>5}",
        humantime::format_rfc3339_micros(now),
        event.metadata().level().as_str()
    );
    event.record(&mut line);
    shorten(&mut line.0);
    line.0.push('\n');
    line.0
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(' ');
        if field.name() != "message" {
            self.0.push_str(field.name());
            self.0.push('=');
        }
        let _ = write!(Printable(&mut self.0), "{value:?}");
    }
}

/// Escapes terminal control characters: values come from files and clients.
struct Printable<'a>(&'a mut String);

impl fmt::Write for Printable<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tracing::{debug, info, warn};

    use super::*;

    #[test]
    fn a_long_line_is_shortened() {
        let (sender, receiver) = mpsc::channel();
        let lines = Lines::new(Level::new(LevelFilter::INFO), move |line| {
            sender.send(line).unwrap();
        });
        tracing::subscriber::with_default(lines, || info!("{}, done", "x".repeat(1 << 20)));
        let line = receiver.recv().unwrap();
        assert!(line.len() < 3000 && line.ends_with("x, done\n"), "{line}");
    }

    #[test]
    fn lines_have_time_level_message_and_fields() {
        let (sender, receiver) = mpsc::channel();
        let level = Level::new(LevelFilter::INFO);
        let lines = Lines::new(level.clone(), move |line| sender.send(line).unwrap());
        tracing::subscriber::with_default(lines, || {
            info!(output = "lamp", peer = %7, "opened\x1b[2J");
            debug!("not logged");
            level.change(LevelFilter::DEBUG);
            debug!("logged");
            level.change(LevelFilter::OFF);
            warn!("not logged");
        });
        let lines: Vec<String> = receiver.iter().collect();
        let rest = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        assert_eq!(
            rest(&lines[0]),
            " INFO opened\\u{1b}[2J output=\"lamp\" peer=7\n"
        );
        assert_eq!(rest(&lines[1]), "DEBUG logged\n");
        assert_eq!(lines.len(), 2);
        let time = lines[0].split_once(' ').unwrap().0;
        assert_eq!(time.len(), "2026-11-28T19:36:30.791141Z".len(), "{time}");
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
    }
}
