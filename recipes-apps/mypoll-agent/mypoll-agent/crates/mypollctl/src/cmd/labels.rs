// SPDX-License-Identifier: MIT OR Apache-2.0
//! Labels of the lines in events.

use std::collections::{HashMap, hash_map::Entry};

use mypoll::{Error, LineInfo};

/// Labels by line number. Each is looked up once; a removed line keeps its last label.
#[derive(Default)]
pub struct Labels(HashMap<u32, String>);

impl From<Vec<LineInfo>> for Labels {
    fn from(lines: Vec<LineInfo>) -> Self {
        let labels = lines.into_iter().map(|line| (line.number, line.label));
        Self(labels.collect())
    }
}

impl Labels {
    /// The label of a line, if it has one. `ask` looks it up.
    pub fn of(
        &mut self,
        line: u32,
        ask: impl FnOnce(u32) -> Result<LineInfo, Error>,
    ) -> Option<String> {
        let label = match self.0.entry(line) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(ask(line).ok()?.label),
        };
        (!label.is_empty()).then(|| label.clone())
    }

    /// Forgets the label of a line, because its number is or will be reused.
    pub fn forget(&mut self, line: u32) {
        self.0.remove(&line);
    }
}

#[cfg(test)]
mod tests {
    use mypoll::uapi;

    use super::*;

    fn line(number: u32, label: &[u8]) -> LineInfo {
        let mut raw = uapi::Line {
            number,
            ..Default::default()
        };
        raw.label[..label.len()].copy_from_slice(label);
        raw.into()
    }

    #[test]
    fn each_label_is_looked_up_once_until_its_line_changes() {
        let mut labels = Labels::from(vec![line(0, b"T\xfcr"), line(1, b"")]);
        let not_asked = |_| -> Result<LineInfo, Error> { panic!("asked") };
        assert_eq!(labels.of(0, not_asked).as_deref(), Some("T\u{fffd}r"));
        assert_eq!(labels.of(1, not_asked), None);
        let gone = |number| Err(Error::NoLine { number });
        assert_eq!(labels.of(2, gone), None);
        let door = |number| Ok(line(number, b"door"));
        assert_eq!(labels.of(2, door).as_deref(), Some("door"));
        assert_eq!(labels.of(2, not_asked).as_deref(), Some("door"));
        labels.forget(2);
        assert_eq!(labels.of(2, gone), None);
    }
}
