// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench's part that can be compared from run to run. A figure is never a failure.

use anyhow::Result;

use super::case::Case;
use super::lanes::Lane;
use super::{Lab, Phase};
use crate::cmd::bench::{self, Outcome};

const NAME: &str = "bench: icount";

pub(super) fn phase() -> Phase {
    let run = |lab: &Lab<'_>| -> Result<Vec<Case>> {
        let kernel = lab.args.kernel.clone();
        let outcome = bench::icount(lab.cache(), kernel)?;
        for note in &outcome.notes {
            lab.progress.print(&format!("{NAME}: {note}"));
        }
        Ok(vec![case(&outcome)])
    };
    Phase::new(NAME, run).in_lane(Lane::Guests)
}

fn case(outcome: &Outcome) -> Case {
    let name = "everything is measured";
    if outcome.missing.is_empty() {
        Case::passed(name)
    } else {
        Case::failed(name, outcome.missing.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_worse_is_no_failure_but_one_that_is_missing_is() {
        let outcome = |missing: &[&str]| Outcome {
            missing: missing.iter().map(|&text| text.to_owned()).collect(),
            notes: vec!["edge_ns: 105 in place of 100, +5.0 %".to_owned()],
        };
        assert!(!case(&outcome(&[])).has_failed());
        assert!(case(&outcome(&["mypoll: edge_ns: no edge"])).has_failed());
    }
}
