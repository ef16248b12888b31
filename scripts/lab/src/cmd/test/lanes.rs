// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs phases, two at a time.

use std::iter;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::case::Case;
use super::{Lab, Phase, command, report};
use crate::store::step::{Log, children};
use crate::store::unavailable::Unavailable;

/// Name of the only case of a phase that returned an error.
const WHOLE_PHASE: &str = "whole phase";

/// The phases of a lane start in order. Everything that two phases share is protected by locks of cargo or the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Builds and installs the prerequisites of all other phases; runs before them.
    First,
    /// Builds and boots systems.
    Guests,
    /// All other phases, one at a time: those with bitbake share its build folders.
    Rest,
}

/// Runs [`Lane::First`], then the other lanes in parallel, and prints the result of each phase when it ends. The thread
/// of [`Lane::Rest`] helps with [`Lane::Guests`] when it is done. The result is in the order of `phases`.
pub(super) fn run(lab: &Lab<'_>, phases: &[&Phase]) -> Vec<Vec<Case>> {
    let waiting = Mutex::new(phases.iter().copied().enumerate().collect());
    let run = |lanes: &[Lane]| {
        iter::from_fn(|| take(&waiting, lanes))
            .map(|(index, phase)| (index, run_one(lab, phase)))
            .collect::<Vec<_>>()
    };
    let mut results = run(&[Lane::First]);
    thread::scope(|scope| {
        let rest = scope.spawn(|| run(&[Lane::Rest, Lane::Guests]));
        results.extend(run(&[Lane::Guests]));
        results.extend(rest.join().expect("no phase panics"));
    });
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, cases)| cases).collect()
}

/// Takes the first waiting phase of the first lane in `lanes` that has any.
fn take<'a>(
    waiting: &Mutex<Vec<(usize, &'a Phase)>>,
    lanes: &[Lane],
) -> Option<(usize, &'a Phase)> {
    let mut waiting = waiting.lock().expect("no runner panics");
    let index = lanes
        .iter()
        .find_map(|lane| waiting.iter().position(|(_, phase)| phase.lane == *lane))?;
    Some(waiting.remove(index))
}

fn run_one(lab: &Lab<'_>, phase: &Phase) -> Vec<Case> {
    let started = Instant::now();
    let what = format!("phase '{}'", phase.name);
    let run = |log: &Log| {
        command::logged(log, || {
            children::within(&what, phase.limit, || (phase.run)(lab))
        })
    };
    let result = lab.progress.phase(lab.paths, &phase.name, run);
    let cases = result.unwrap_or_else(|error| {
        // A phase that cannot start counts as failed.
        vec![match error.downcast_ref::<Unavailable>() {
            Some(reason) => Case::skipped(WHOLE_PHASE, reason.to_string()),
            None => Case::failed(WHOLE_PHASE, format!("{error:#}")),
        }]
    });
    let text = report::of_phase(&phase.name, &cases, started.elapsed());
    lab.progress.print(&text);
    cases
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use anyhow::Result;
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};
    use crate::{Paths, Progress};

    /// A phase that signals its start to another one, and passes when that one has started, too.
    fn meets(name: &str, started: Sender<()>, other_started: Receiver<()>) -> Phase {
        let other_started = Mutex::new(other_started);
        let case = Case::passed(name);
        Phase::new(name, move |_| -> Result<Vec<Case>> {
            started.send(())?;
            other_started
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(60))?;
            Ok(vec![case.clone()])
        })
    }

    #[test]
    fn guests_are_taken_when_no_other_phase_is_left() {
        let [a, b, c] = [Lane::Guests, Lane::Rest, Lane::Guests]
            .map(|lane| Phase::new("", |_| Ok(Vec::new())).in_lane(lane));
        let waiting = Mutex::new(vec![(1, &a), (2, &b), (3, &c)]);
        let take = |lanes| take(&waiting, lanes).map(|(index, _)| index);
        let both = &[Lane::Rest, Lane::Guests];
        assert_eq!([take(both), take(both)], [Some(2), Some(1)]);
        let guests = &[Lane::Guests];
        assert_eq!([take(guests), take(guests)], [Some(3), None]);
        assert_eq!(take(both), None);
    }

    #[test]
    fn lanes_run_in_parallel_and_report_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let Verb::Test(args) = Cli::parse_from(["lab", "test"]).verb else {
            panic!("another verb");
        };
        let lab = Lab {
            paths: &Paths::both_in(dir.path()),
            progress: &Progress::default(),
            args: &args,
            systems: Default::default(),
            yocto: OnceLock::new(),
        };
        let passes = |name: &'static str| Phase::new(name, move |_| Ok(vec![Case::passed(name)]));
        let ((one, one_started), (other, other_started)) = (channel(), channel());
        let phases = [
            passes("build").in_lane(Lane::First),
            meets("host", one, other_started),
            passes("flash"),
            meets("guest", other, one_started).in_lane(Lane::Guests),
            Phase::new("yocto", |_| Err(Unavailable::because("no layers").into())),
            Phase::new("page", |_| anyhow::bail!("no page")),
        ];
        let results = run(&lab, &phases.each_ref());
        let passed = ["build", "host", "flash", "guest"].map(Case::passed);
        let expected = passed.into_iter().chain([
            Case::skipped(WHOLE_PHASE, "no layers"),
            Case::failed(WHOLE_PHASE, "no page"),
        ]);
        assert_eq!(results, expected.map(|case| vec![case]).collect::<Vec<_>>());
    }
}
