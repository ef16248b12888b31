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

/// The highest number that a line may have: more lines than any board has buttons.
pub(crate) const NUMBER_MAX: u32 = 1023;

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

    fn insert(&mut self, number: Option<usize>, label: CString) -> Result<usize> {
        let lowest_free = || {
            let free = self.labels.iter().position(Option::is_none);
            free.unwrap_or(self.labels.len())
        };
        let number = number.unwrap_or_else(lowest_free);
        if number > NUMBER_MAX as usize {
            return Err(ENOSPC);
        }
        while self.labels.len() <= number {
            self.labels.push(None, GFP_KERNEL)?;
        }
        if self.labels[number].is_some() {
            return Err(EEXIST);
        }
        self.labels[number] = Some(label);
        Ok(number)
    }
}

/// A number, held for a line as long as it is there.
pub(crate) struct LineNumber {
    hub: Arc<Hub>,
    number: usize,
}

impl LineNumber {
    /// Enters a line into the hub's table, under the lowest number that is free unless it asks for
    /// one.
    ///
    /// `EEXIST` for a number that is taken, `ENOSPC` over [`NUMBER_MAX`].
    pub(crate) fn take(hub: &Arc<Hub>, number: Option<u32>, label: &CStr) -> Result<Self> {
        let number = number.map(|number| number as usize);
        let number = hub.lines.lock().insert(number, label.to_cstring()?)?;
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
