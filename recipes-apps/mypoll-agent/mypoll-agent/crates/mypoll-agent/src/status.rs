// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the agent's parts, for `/stats`, `/healthz` and the watchdog.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// The state of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum Condition {
    /// Working.
    #[default]
    Working,
    /// Waiting, with the reason: a missing device, a busy chip.
    Waiting(String),
}

/// Counter values by name.
pub type Counters = BTreeMap<&'static str, u64>;

/// A frequently changing number of a part, counted without a lock.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, value: u64) {
        self.0.fetch_add(value, Relaxed);
    }

    /// Subtracts from it.
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

#[derive(Debug, Default, Serialize)]
struct Part {
    #[serde(flatten)]
    condition: Condition,
    #[serde(flatten)]
    counters: BTreeMap<&'static str, Counter>,
    /// Since when it has been busy.
    #[serde(skip)]
    busy: Option<Instant>,
}

/// The state of all parts. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Mutex<BTreeMap<String, Arc<Mutex<Part>>>>>);

/// A part's entry, removed on drop.
#[derive(Debug)]
pub struct Reporter {
    status: Status,
    name: String,
    part: Arc<Mutex<Part>>,
}

impl Status {
    /// An entry for a part, such as `source` or `stream 127.0.0.1:7070`.
    pub fn reporter(&self, name: impl Into<String>) -> Reporter {
        let (name, part) = (name.into(), Arc::default());
        lock(&self.0).insert(name.clone(), Arc::clone(&part));
        Reporter {
            status: self.clone(),
            name,
            part,
        }
    }

    /// The waiting parts, with their reasons.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let waits = |(name, condition)| match condition {
            Condition::Working => None,
            Condition::Waiting(reason) => Some((name, reason)),
        };
        self.conditions().into_iter().filter_map(waits).collect()
    }

    /// A part that has been busy with one thing for longer than `limit`.
    pub fn stuck(&self, limit: Duration) -> Option<String> {
        let stuck = |part: &Part| part.busy.is_some_and(|since| since.elapsed() > limit);
        let parts = self.each(|name, part| stuck(part).then(|| name.to_owned()));
        parts.into_iter().flatten().next()
    }

    /// The state of each part, by name.
    pub fn conditions(&self) -> Vec<(String, Condition)> {
        self.each(|name, part| (name.to_owned(), part.condition.clone()))
    }

    /// All entries, as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        self.each(|name, part| {
            (
                name.to_owned(),
                serde_json::to_value(part).unwrap_or_default(),
            )
        })
        .into_iter()
        .collect()
    }

    /// The counters of each part, by name.
    pub fn counters(&self) -> Vec<(String, Counters)> {
        self.each(|name, part| {
            let counters = part.counters.iter();
            let numbers = counters.map(|(name, counter)| (*name, counter.get()));
            (name.to_owned(), numbers.collect())
        })
    }

    fn each<T>(&self, mut of: impl FnMut(&str, &Part) -> T) -> Vec<T> {
        lock(&self.0)
            .iter()
            .map(|(name, part)| of(name, &lock(part)))
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    /// Sets the state; returns whether it changed.
    pub fn set(&self, condition: Condition) -> bool {
        let mut part = lock(&self.part);
        let is_new = part.condition != condition;
        part.condition = condition;
        is_new
    }

    /// Marks the part as busy until the guard is dropped. Not nestable.
    pub fn busy(&self) -> Busy {
        lock(&self.part).busy = Some(Instant::now());
        Busy(Arc::clone(&self.part))
    }

    /// Sets a counter.
    pub fn count(&self, name: &'static str, value: u64) {
        self.counter(name).0.store(value, Relaxed);
    }

    /// Adds to a counter.
    pub fn add(&self, name: &'static str, value: u64) {
        self.counter(name).add(value);
    }

    /// The counter with this name, 0 if it is new.
    pub fn counter(&self, name: &'static str) -> Counter {
        lock(&self.part).counters.entry(name).or_default().clone()
    }
}

/// A part is busy.
pub struct Busy(Arc<Mutex<Part>>);

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.0).busy = None;
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let mut parts = lock(&self.status.0);
        // Not the entry of a new part with the same name.
        if parts
            .get(&self.name)
            .is_some_and(|part| Arc::ptr_eq(part, &self.part))
        {
            parts.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_drop_keeps_the_successors_entry() {
        let status = Status::default();
        let old = status.reporter("stream");
        let new = status.reporter("stream");
        new.set(Condition::Waiting("for a port".to_owned()));
        drop(old);
        assert_eq!(
            status.waiting(),
            [("stream".to_owned(), "for a port".to_owned())]
        );
        drop(new);
        assert!(status.conditions().is_empty());
    }

    #[test]
    fn unfinished_work_makes_a_part_stuck() {
        let status = Status::default();
        let part = status.reporter("pump");
        let busy = part.busy();
        assert_eq!(status.stuck(Duration::from_secs(3600)), None);
        assert_eq!(status.stuck(Duration::ZERO).as_deref(), Some("pump"));
        drop(busy);
        assert_eq!(status.stuck(Duration::ZERO), None);
    }
}
