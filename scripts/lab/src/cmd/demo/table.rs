// SPDX-License-Identifier: MIT OR Apache-2.0
//! The live table of events.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Row, Table as Rows};

use mypoll_protocol::{Event, Message, Missed};

/// More rows than any terminal shows.
const MAX_ROWS: usize = 500;

const HEADER: [&str; 8] = [
    "time s",
    "event",
    "source",
    "kind",
    "line",
    "value",
    "lost",
    "since last",
];

const WIDTHS: [Constraint; 8] = [
    Constraint::Length(14),
    Constraint::Length(10),
    Constraint::Length(7),
    Constraint::Length(8),
    Constraint::Min(12),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(14),
];

/// Everything on the screen.
#[derive(Debug)]
pub(super) struct Table {
    /// Above the table and below it.
    titles: [String; 2],
    /// The labels of the lines that the keys 1 to 9 press.
    labels: Vec<String>,
    rows: VecDeque<[String; 8]>,
    last_ns: Option<u64>,
    error: String,
}

impl Table {
    pub(super) fn new(titles: [String; 2], labels: Vec<String>) -> Self {
        Self {
            titles,
            labels,
            rows: VecDeque::new(),
            last_ns: None,
            error: String::new(),
        }
    }

    /// Appends a row for an event or a gap; ignores other messages.
    pub(super) fn add(&mut self, message: Message<'_>) {
        let row = match message {
            Message::Event(event) => self.event(event),
            Message::Missed(Missed { missed, lost }) => {
                let mut row = <[String; 8]>::default();
                row[4] = format!("{missed} missed: this client was too slow");
                row[6] = lost.map_or_else(String::new, |lost| lost.to_string());
                row
            }
            _ => return,
        };
        if self.rows.len() == MAX_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    /// Shows an error message; an empty one clears it.
    pub(super) fn set_error(&mut self, error: String) {
        self.error = error;
    }

    fn event(&mut self, event: Event<'_>) -> [String; 8] {
        let since = self
            .last_ns
            .replace(event.timestamp_ns)
            .and_then(|last| event.timestamp_ns.checked_sub(last))
            .map_or_else(String::new, |ns| format!("{:.3} ms", ns as f64 / 1e6));
        let line = match event.label {
            Some(label) => format!("{} {label}", event.line),
            None => String::new(),
        };
        [
            format!("{:.6}", event.timestamp_ns as f64 / 1e9),
            event.event.to_string(),
            event.source.into_owned(),
            event.kind.into_owned(),
            line,
            event.value.to_string(),
            event.lost.to_string(),
            since,
        ]
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let [body, footer] =
            Layout::vertical([Constraint::Min(3), Constraint::Length(1)]).areas(frame.area());
        // Two lines of border and one of header.
        let room = usize::from(body.height.saturating_sub(3));
        let hidden = self.rows.len().saturating_sub(room);
        let rows = self.rows.iter().skip(hidden).map(|row| {
            let color = match row[3].as_str() {
                "rising" => Color::Green,
                "falling" => Color::Blue,
                _ => Color::Yellow,
            };
            Row::new(row.iter().map(|cell| Cell::from(cell.as_str()))).style(Style::new().fg(color))
        });
        let [above, below] = self.titles.each_ref().map(String::as_str);
        let table = Rows::new(rows, WIDTHS)
            .header(Row::new(HEADER).bold())
            .block(Block::bordered().title(above).title_bottom(below));
        frame.render_widget(table, body);
        frame.render_widget(self.footer(), footer);
    }

    fn footer(&self) -> Line<'_> {
        if !self.error.is_empty() {
            return Line::from(self.error.as_str().red());
        }
        let fixed = [('t', "trigger an event in the guest"), ('q', "quit")];
        let presses = ('1'..='9').zip(self.labels.iter().map(String::as_str));
        let keys = presses.chain(fixed);
        keys.flat_map(|(key, action)| {
            [
                Span::from(format!(" {key} ")).reversed(),
                Span::from(format!(" {action}  ")),
            ]
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn edge(event: u64, kind: &str, timestamp_ns: u64) -> Message<'_> {
        Message::Event(Event {
            event,
            source: "gpio".into(),
            kind: kind.into(),
            line: 1,
            label: Some("door".into()),
            value: u32::from(kind == "rising"),
            lost: 0,
            time: "2026-11-28T13:39:10.123456Z".into(),
            clock: None,
            timestamp_ns,
        })
    }

    fn table() -> Table {
        let titles = ["mypoll", "live page: http://127.0.0.1:1/"].map(str::to_owned);
        Table::new(titles, vec!["button".to_owned()])
    }

    fn render(table: &Table, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, height)).unwrap();
        terminal.draw(|frame| table.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn events_and_the_time_between_them_are_shown() {
        let mut table = table();
        table.add(edge(26, "rising", 48_213_377_104));
        table.add(edge(27, "falling", 48_313_477_104));
        let screen = render(&table, 10);
        for part in [
            "48.213377",
            "26",
            "gpio",
            "rising",
            "1 door",
            "falling",
            "100.100 ms",
        ] {
            assert!(screen.contains(part), "{part}: {screen}");
        }
        assert!(screen.contains(" 1  button"), "{screen}");
        assert!(screen.contains("http://127.0.0.1:1/"), "{screen}");
    }

    #[test]
    fn the_newest_rows_stay_visible() {
        let mut table = table();
        for number in 100..200 {
            table.add(edge(number, "rising", number));
        }
        let screen = render(&table, 10);
        assert!(screen.contains(" 199 "), "{screen}");
        assert!(!screen.contains(" 150 "), "{screen}");
    }

    #[test]
    fn missed_events_and_errors_are_shown() {
        let mut table = table();
        table.add(Message::Missed(Missed {
            missed: 7,
            lost: Some(31),
        }));
        table.set_error("can't press".to_owned());
        let screen = render(&table, 10);
        assert!(screen.contains("7 missed"), "{screen}");
        assert!(screen.contains(" 31 "), "{screen}");
        assert!(screen.contains("can't press"), "{screen}");
    }
}
