// SPDX-License-Identifier: MIT OR Apache-2.0
//! `./scripts/test`: runs all tests, including their set-up.

mod agent_fuzz;
mod bitbake;
mod case;
mod command;
mod crates;
mod docs;
mod guests;
mod junit;
mod ktap;
mod lanes;
mod logs;
mod memory_model;
mod nextest;
mod on_debian;
mod pytest;
mod report;
mod sources;
mod suites;
mod vendor_config;
mod workspaces;

use std::iter;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::{BuildOptions, build, fetch_kernel};
use crate::cli::TestArgs;
use crate::deps::cargo::cargo;
use crate::deps::host::{self, Need, provide};
use crate::deps::source::Catalog;
use crate::store::cache::Cache;
use crate::store::unavailable::{self, Unavailable};
use crate::yocto::Yocto;
use crate::{Flavour, Paths, Progress, System};
use case::Case;
use lanes::Lane;

/// Shared state of all phases.
struct Lab<'a> {
    paths: &'a Paths,
    progress: &'a Progress,
    args: &'a TestArgs,
    /// Indexed by [`Flavour`].
    systems: [OnceLock<Result<System>>; 2],
    yocto: OnceLock<Result<Yocto<'a>>>,
}

impl<'a> Lab<'a> {
    fn cache(&self) -> Cache<'a> {
        Cache::new(self.paths, self.progress)
    }

    /// Cargo for the workspace in `folder`, with its target folder in the cache.
    fn cargo(&self, folder: &str, target: &str) -> Command {
        let mut cargo = cargo(&self.paths.repo, &self.paths.cache.join(target));
        cargo.current_dir(self.paths.repo.join(folder));
        cargo
    }

    /// The system, built on first use. A failed build is not retried.
    fn system(&self, flavour: Flavour) -> Result<&System> {
        self.systems[flavour as usize]
            .get_or_init(|| {
                let options = self.options(flavour);
                // Ubuntu's archive does not have the newer kernel.
                if self.args.kernel.is_none() && options.kernel.is_some() {
                    Unavailable::unless(fetch_kernel(self.cache(), &options))?;
                }
                build(self.paths, &options, self.progress)
            })
            .as_ref()
            .map_err(unavailable::copy)
    }

    fn options(&self, flavour: Flavour) -> BuildOptions {
        // The debug kernel is the newest that the driver supports.
        let newer = || Catalog::built_in().newer_kernel.version;
        let default = (flavour == Flavour::Debug).then(newer);
        BuildOptions {
            kernel: self.args.kernel.clone().or(default),
            flavour,
            bench: false,
        }
    }

    /// Bitbake, set up on first use.
    fn yocto(&self) -> Result<&Yocto<'a>> {
        self.yocto
            .get_or_init(|| Yocto::prepare(self.cache()))
            .as_ref()
            .map_err(unavailable::copy)
    }

    /// Makes sure that programs are installed.
    fn needs(&self, needs: &[Need]) -> Result<()> {
        Unavailable::unless(provide(self.paths, self.progress, needs))
    }
}

/// Runs the tests of a phase; an error means that they could not be run.
type Run = dyn Fn(&Lab<'_>) -> Result<Vec<Case>> + Send + Sync;

/// A group of tests.
struct Phase {
    name: String,
    lane: Lane,
    /// Its time limit.
    limit: Duration,
    /// Whether it runs only with `--only`.
    by_hand: bool,
    /// Whether `--quick` runs it.
    quick: bool,
    run: Box<Run>,
}

impl Phase {
    fn new(
        name: impl Into<String>,
        run: impl Fn(&Lab<'_>) -> Result<Vec<Case>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            lane: Lane::Rest,
            limit: Duration::from_secs(60 * 60),
            by_hand: false,
            quick: false,
            run: Box::new(run),
        }
    }

    fn in_lane(self, lane: Lane) -> Self {
        Self { lane, ..self }
    }

    /// Sets the time limit of phases that take hours on a slow machine.
    fn long(self) -> Self {
        let limit = Duration::from_secs(8 * 60 * 60);
        Self { limit, ..self }
    }

    /// Runs the phase only with `--only`.
    fn by_hand(self) -> Self {
        Self {
            by_hand: true,
            ..self
        }
    }

    /// Runs the phase with `--quick`, too.
    fn quick(self) -> Self {
        Self {
            quick: true,
            ..self
        }
    }

    fn is_wanted(&self, args: &TestArgs) -> bool {
        if args.quick {
            self.quick
        } else if args.only.is_empty() {
            !self.by_hand
        } else {
            args.only.iter().any(|only| self.name.contains(only))
        }
    }
}

/// Runs `./scripts/test`.
pub fn test(paths: &Paths, args: &TestArgs) -> Result<ExitCode> {
    let phases: Vec<Phase> = iter::once(guests::build(Flavour::Normal).in_lane(Lane::First))
        .chain(workspaces::phases())
        .chain(iter::once(crates::phase()))
        .chain(memory_model::phases())
        .chain(iter::once(agent_fuzz::phase()))
        .chain(sources::phases())
        .chain(iter::once(docs::phase()))
        .chain(suites::phases())
        .chain(iter::once(vendor_config::phase()))
        .chain(guests::phases(Flavour::Normal))
        .chain(iter::once(guests::icount()))
        .chain(iter::once(guests::build(Flavour::Debug)))
        .chain(guests::phases(Flavour::Debug))
        .chain(iter::once(guests::fuzz()))
        .chain(on_debian::phases())
        .chain(bitbake::phases())
        .collect();
    if args.list {
        for phase in &phases {
            let note = if phase.by_hand { " (by hand)" } else { "" };
            println!("{}{note}", phase.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.packages {
        host::prepare(paths, &Progress::new(args.install))?;
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<_> = phases
        .iter()
        .filter(|phase| phase.is_wanted(args))
        .collect();
    if chosen.is_empty() {
        bail!(
            "no phase's name contains {}; --list lists them",
            args.only.join(" or ")
        );
    }
    let progress = Progress::new(args.install);
    let lab = Lab {
        paths,
        progress: &progress,
        args,
        systems: Default::default(),
        yocto: OnceLock::new(),
    };
    let names = chosen.iter().map(|phase| phase.name.as_str());
    let results: Vec<_> = names.zip(lanes::run(&lab, &chosen)).collect();
    println!("{}", report::of_run(&results));
    let mut cases = results.iter().flat_map(|(_, cases)| cases);
    Ok(if cases.any(Case::has_failed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
