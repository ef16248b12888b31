// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the parts of the agent say of themselves, for `/stats`, `/healthz` and the watchdog.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// How a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum Condition {
    /// It works.
    Working,
    /// It waits for something, and why: a device that is not there, a chip that is busy.
    Waiting(String),
}

/// Numbers of a part, by name.
pub type Counters = BTreeMap<&'static str, u64>;

/// A number of a part that often changes: it is counted without a lock.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, value: u64) {
        self.0.fetch_add(value, Relaxed);
    }

    /// Takes from it.
    pub fn subtract(&self, value: u64) {
        self.0.fetch_sub(value, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.get())
    }
}

#[derive(Clone, Debug, Serialize)]
struct Part {
    #[serde(flatten)]
    condition: Condition,
    #[serde(flatten)]
    counters: BTreeMap<&'static str, Counter>,
    /// Since when it works on something.
    #[serde(skip)]
    busy: Option<Instant>,
}

/// What all parts say. A clone is another handle.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Mutex<BTreeMap<String, Part>>>);

/// One part's entry; it goes when the part does.
#[derive(Debug)]
pub struct Reporter {
    status: Status,
    name: String,
}

impl Status {
    /// An entry for a part, such as `source` or `stream 127.0.0.1:7070`.
    pub fn reporter(&self, name: impl Into<String>) -> Reporter {
        let name = name.into();
        let part = Part {
            condition: Condition::Working,
            counters: BTreeMap::new(),
            busy: None,
        };
        self.parts().insert(name.clone(), part);
        Reporter {
            status: self.clone(),
            name,
        }
    }

    /// Whether no part waits.
    pub fn is_healthy(&self) -> bool {
        self.parts()
            .values()
            .all(|part| part.condition == Condition::Working)
    }

    /// The parts that wait, each with what it waits for.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let waits = |(name, part): (&String, &Part)| match &part.condition {
            Condition::Working => None,
            Condition::Waiting(reason) => Some((name.clone(), reason.clone())),
        };
        self.parts().iter().filter_map(waits).collect()
    }

    /// A part that has worked on the same thing for longer than `limit`.
    pub fn stuck(&self, limit: Duration) -> Option<String> {
        let parts = self.parts();
        let stuck = |part: &Part| part.busy.is_some_and(|since| since.elapsed() > limit);
        parts
            .iter()
            .find(|(_, part)| stuck(part))
            .map(|(name, _)| name.clone())
    }

    /// How each part is, by its name.
    pub fn conditions(&self) -> Vec<(String, Condition)> {
        self.parts()
            .iter()
            .map(|(name, part)| (name.clone(), part.condition.clone()))
            .collect()
    }

    /// All entries, as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&*self.parts()).unwrap_or_default()
    }

    /// The counters of each part, by its name.
    pub fn counters(&self) -> Vec<(String, Counters)> {
        let numbers = |part: &Part| {
            let counters = part.counters.iter();
            counters
                .map(|(name, counter)| (*name, counter.get()))
                .collect()
        };
        self.parts()
            .iter()
            .map(|(name, part)| (name.clone(), numbers(part)))
            .collect()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Says how the part is; the result is whether that is new.
    pub fn set(&self, condition: Condition) -> bool {
        match self.status.parts().get_mut(&self.name) {
            Some(part) if part.condition != condition => {
                part.condition = condition;
                true
            }
            _ => false,
        }
    }

    /// Says that the part works on something until the guard goes.
    pub fn busy(&self) -> Busy<'_> {
        self.set_busy(Some(Instant::now()));
        Busy(self)
    }

    fn set_busy(&self, since: Option<Instant>) {
        if let Some(part) = self.status.parts().get_mut(&self.name) {
            part.busy = since;
        }
    }

    /// Sets a counter.
    pub fn count(&self, name: &'static str, value: u64) {
        self.counter(name).0.store(value, Relaxed);
    }

    /// Adds to a counter.
    pub fn add(&self, name: &'static str, value: u64) {
        self.counter(name).add(value);
    }

    /// The counter with this name, 0 where it is new.
    pub fn counter(&self, name: &'static str) -> Counter {
        match self.status.parts().get_mut(&self.name) {
            Some(part) => part.counters.entry(name).or_default().clone(),
            None => Counter::default(),
        }
    }
}

/// A part works on something.
pub struct Busy<'a>(&'a Reporter);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set_busy(None);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.status.parts().remove(&self.name);
    }
}
