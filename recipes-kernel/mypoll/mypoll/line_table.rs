// SPDX-License-Identifier: GPL-2.0-only

//! Which GPIO lines there are, and what they are called.

use crate::hub::Hub;
use kernel::{
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc, //
};

/// The labels of the lines, each at the index that is its number.
pub(crate) struct LineTable {
    labels: KVec<Option<CString>>,
}

impl LineTable {
    /// A table without a line.
    pub(crate) fn new() -> Self {
        Self {
            labels: KVec::new(),
        }
    }

    /// The lines, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &CString)> {
        self.labels
            .iter()
            .enumerate()
            .filter_map(|(number, label)| Some((number, label.as_ref()?)))
    }

    fn insert(&mut self, label: CString) -> Result<usize> {
        let free = self.labels.iter().position(Option::is_none);
        match free {
            Some(number) => {
                self.labels[number] = Some(label);
                Ok(number)
            }
            None => {
                self.labels.push(Some(label), GFP_KERNEL)?;
                Ok(self.labels.len() - 1)
            }
        }
    }
}

/// The lowest number that was free, held for a line as long as it is there.
pub(crate) struct LineNumber {
    hub: Arc<Hub>,
    number: usize,
}

impl LineNumber {
    /// Enters a line into the hub's table.
    pub(crate) fn take(hub: &Arc<Hub>, label: &CStr) -> Result<Self> {
        let number = hub.lines.lock().insert(label.to_cstring()?)?;
        Ok(Self {
            hub: hub.clone(),
            number,
        })
    }

    /// The number.
    pub(crate) fn get(&self) -> u32 {
        self.number as u32
    }
}

impl Drop for LineNumber {
    fn drop(&mut self) {
        let label = self.hub.lines.lock().labels[self.number].take();
        drop(label);
    }
}
