// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs phases, two at a time.

use std::iter;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::case::Case;
use super::{Lab, Phase, report};
use crate::store::step::{self, children};
use crate::store::unavailable::Unavailable;

/// The phases of a lane begin in their order. All that two phases share is behind cargo's locks and the cache's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// What builds and installs what all others need: before them.
    First,
    /// What builds the systems and boots them.
    Guests,
    /// All the rest, one after the other: those with bitbake share its build folders.
    Rest,
}

/// Runs [`Lane::First`], then the other lanes beside each other, and prints what each phase comes to when it has ended. Who is
/// done with [`Lane::Rest`] helps with the guests. The result is in the order of `phases`.
pub(super) fn run(lab: &Lab<'_>, phases: &[&Phase]) -> Vec<Vec<Case>> {
    let waiting = Mutex::new(phases.iter().copied().enumerate().collect());
    let run = |lanes: &[Lane]| {
        iter::from_fn(|| take(&waiting, lanes))
            .map(|(number, phase)| (number, run_one(lab, phase)))
            .collect::<Vec<_>>()
    };
    let mut ended = run(&[Lane::First]);
    thread::scope(|scope| {
        let rest = scope.spawn(|| run(&[Lane::Rest, Lane::Guests]));
        ended.extend(run(&[Lane::Guests]));
        ended.extend(rest.join().expect("no phase panics"));
    });
    ended.sort_by_key(|&(number, _)| number);
    ended.into_iter().map(|(_, cases)| cases).collect()
}

/// Takes the first phase of the first of `lanes` that has one left.
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
    let cases = children::within(&what, phase.limit, || (phase.run)(lab)).unwrap_or_else(|error| {
        // What can't even start has failed.
        vec![match error.downcast_ref::<Unavailable>() {
            Some(reason) => Case::skipped("all of it", reason.to_string()),
            None => Case::failed("all of it", step::message(&error)),
        }]
    });
    let said = report::of_phase(&phase.name, &cases, started.elapsed());
    lab.progress.print(&said);
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

    /// A phase that tells another one that it has begun, and passes when that one has, too.
    fn meets(name: &str, tell: Sender<()>, told: Receiver<()>) -> Phase {
        let told = Mutex::new(told);
        let case = Case::passed(name);
        Phase::new(name, move |_| -> Result<Vec<Case>> {
            tell.send(())?;
            told.lock().unwrap().recv_timeout(Duration::from_secs(60))?;
            Ok(vec![case.clone()])
        })
    }

    #[test]
    fn who_is_done_with_the_rest_takes_guests() {
        let [a, b, c] = [Lane::Guests, Lane::Rest, Lane::Guests]
            .map(|lane| Phase::new("", |_| Ok(Vec::new())).in_lane(lane));
        let waiting = Mutex::new(vec![(1, &a), (2, &b), (3, &c)]);
        let take = |lanes| take(&waiting, lanes).map(|(number, _)| number);
        let both = &[Lane::Rest, Lane::Guests];
        assert_eq!([take(both), take(both)], [Some(2), Some(1)]);
        let guests = &[Lane::Guests];
        assert_eq!([take(guests), take(guests)], [Some(3), None]);
        assert_eq!(take(both), None);
    }

    #[test]
    fn lanes_run_beside_each_other_and_end_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let Verb::Test(args) = Cli::parse_from(["lab", "test"]).verb else {
            panic!("another verb");
        };
        let lab = Lab {
            paths: &Paths {
                repo: dir.path().to_owned(),
                cache: dir.path().to_owned(),
            },
            progress: &Progress::default(),
            args: &args,
            systems: Default::default(),
            yocto: OnceLock::new(),
        };
        let passes = |name: &'static str| Phase::new(name, move |_| Ok(vec![Case::passed(name)]));
        let ((one, told_one), (other, told_other)) = (channel(), channel());
        let phases = [
            passes("build").in_lane(Lane::First),
            meets("host", one, told_other),
            passes("flash"),
            meets("guest", other, told_one).in_lane(Lane::Guests),
            Phase::new("yocto", |_| Err(Unavailable::because("no layers").into())),
            Phase::new("page", |_| anyhow::bail!("no page")),
        ];
        let ended = run(&lab, &phases.each_ref());
        let passed = ["build", "host", "flash", "guest"].map(Case::passed);
        let expected = passed.into_iter().chain([
            Case::skipped("all of it", "no layers"),
            Case::failed("all of it", "no page"),
        ]);
        assert_eq!(ended, expected.map(|case| vec![case]).collect::<Vec<_>>());
    }
}
