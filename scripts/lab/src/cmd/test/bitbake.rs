// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Yocto layer, by real bitbake: skipped where bitbake and the layers are not available.

mod dev_image;
mod image;
mod layer_check;
mod lint;
mod product;
mod raspberry_pi;
mod runqemu;
mod setup;
mod testimage;
mod virt_board;
mod without_warning;
mod wrong;

use anyhow::Result;

use self::raspberry_pi::{RASPBERRYPI3, RASPBERRYPI5};
use super::case::Case;
use super::{Lab, Phase};
use crate::yocto::{Yocto, builds};

/// The build from source that is tried each time: each takes 3 minutes, most of them to parse the same recipes.
const DRY_RUN: &str = "raspberrypi4-64";

/// The machine whose image is built each time: another one takes a kernel of its own.
const IMAGE: &str = "qemuarm64";

pub(super) fn phases() -> Vec<Phase> {
    let mut phases = vec![
        Phase::new("yocto: python tests", lint::python).quick(),
        phase("oelint", lint::oelint),
        phase("configuration", lint::configuration),
        by_hand("layer check", layer_check::run),
        by_hand(
            "layer check with meta-raspberrypi",
            layer_check::run_raspberrypi,
        ),
        by_hand(
            "layer check of the profile",
            layer_check::run_host_toolchain,
        ),
    ];
    phases.push(phase("setups without kas", setup::run));
    for build in builds::FROM_SOURCE {
        let name = format!("dry run {}", build.name);
        let run = move |_: &Lab<'_>, yocto: &Yocto<'_>| without_warning::dry_run(yocto, &build);
        phases.push(if build.name == DRY_RUN {
            phase(&name, run)
        } else {
            by_hand(&name, run)
        });
    }
    for build in builds::FROM_SOURCE {
        let name = format!("every task of {}", build.name);
        phases.push(by_hand(&name, move |_, yocto| {
            without_warning::every_task(yocto, &build)
        }));
    }
    phases.push(phase("pseudo", |_, yocto| without_warning::pseudo(yocto)));
    for machine in image::MACHINES {
        let name = format!("image {}", machine.name);
        let always = machine.name == IMAGE;
        let run = move |lab: &Lab<'_>, yocto: &Yocto<'_>| image::run(lab, yocto, &machine);
        phases.push(if always {
            phase(&name, run)
        } else {
            by_hand(&name, run)
        });
    }
    phases.extend([
        by_hand("image raspberrypi4-64", raspberry_pi::run_raspberrypi4),
        by_hand("image raspberrypi3-64", |lab, yocto| {
            raspberry_pi::run_and_boot(lab, yocto, &RASPBERRYPI3)
        }),
        by_hand("image raspberrypi5", |lab, yocto| {
            raspberry_pi::run(lab, yocto, &RASPBERRYPI5)
        }),
    ]);
    phases.push(by_hand("30 power cuts", |lab, yocto| {
        virt_board::run(lab, yocto, 30)
    }));
    phases.push(by_hand("agent by oe-core's cargo", |_, yocto| {
        without_warning::agent_by_cargo(yocto)
    }));
    phases.push(by_hand("testimage over ssh", testimage::run_board));
    // These take what the images left in sstate.
    phases.push(phase("product image", product::run));
    phases.push(by_hand("development image", dev_image::run));
    phases.push(phase("what goes wrong", wrong::run));
    phases
}

/// A phase that needs bitbake and takes too long to run each time.
fn by_hand(
    name: &str,
    run: impl Fn(&Lab<'_>, &Yocto<'_>) -> Result<Vec<Case>> + Send + Sync + 'static,
) -> Phase {
    phase(name, run).by_hand()
}

/// A phase that needs bitbake.
fn phase(
    name: &str,
    run: impl Fn(&Lab<'_>, &Yocto<'_>) -> Result<Vec<Case>> + Send + Sync + 'static,
) -> Phase {
    Phase::new(format!("yocto: {name}"), move |lab| run(lab, lab.yocto()?)).long()
}
